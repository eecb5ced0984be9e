// The same from a program: what is chosen now as a shell line, JavaScript and Python; `keyed`: with a
// place for the key.

const quote = (s) => `'${s.replaceAll("'", `'\\''`)}'`;

export const SNIPPETS = {
  curl: (url, fields, keyed) => {
    const query = new URLSearchParams(fields).toString(), key = keyed ? ' -H "Authorization: Bearer $KEY"' : '';
    return `curl -sf --data-binary @sketch.png -H 'Content-Type: image/png'${key} ${quote(`${url}?${query}`)} -o picture.png`;
  },
  JavaScript: (url, fields, keyed) => `const query = new URLSearchParams(${JSON.stringify(fields)});
const response = await fetch(\`${url}?\${query}\`, { method: 'POST', body: file${keyed ? ', headers: { Authorization: `Bearer ${key}` }' : ''} }); // a File or Blob
if (!response.ok) throw new Error((await response.json()).detail);
image.src = URL.createObjectURL(await response.blob());`,
  Python: (url, fields, keyed) => `import urllib.parse, urllib.request

query = urllib.parse.urlencode(${JSON.stringify(fields).replaceAll('":', '": ').replaceAll(',"', ', "')})
request = urllib.request.Request("${url}?" + query, open("sketch.png", "rb").read(),
                                 {"Content-Type": "image/png"${keyed ? ', "Authorization": "Bearer " + key' : ''}})
open("picture.png", "wb").write(urllib.request.urlopen(request).read())`,
};
