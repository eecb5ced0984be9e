// The same from a program: what is chosen now as a shell line, JavaScript and Python.

const quote = (s) => `'${s.replaceAll("'", `'\\''`)}'`;

export const SNIPPETS = {
  curl: (url, fields) => {
    const query = new URLSearchParams(fields).toString();
    return `curl -sf --data-binary @sketch.png -H 'Content-Type: image/png' ${quote(`${url}?${query}`)} -o picture.png`;
  },
  JavaScript: (url, fields) => `const query = new URLSearchParams(${JSON.stringify(fields)});
const response = await fetch(\`${url}?\${query}\`, { method: 'POST', body: file }); // a File or Blob
if (!response.ok) throw new Error((await response.json()).detail);
image.src = URL.createObjectURL(await response.blob());`,
  Python: (url, fields) => `import urllib.parse, urllib.request

query = urllib.parse.urlencode(${JSON.stringify(fields).replaceAll('":', '": ').replaceAll(',"', ', "')})
request = urllib.request.Request("${url}?" + query, open("sketch.png", "rb").read(),
                                 {"Content-Type": "image/png"})
open("picture.png", "wb").write(urllib.request.urlopen(request).read())`,
};
