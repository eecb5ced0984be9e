#!/bin/bash
# Black-box tests of pix2pixd with what browsers and libraries really send, right or not quite.
# shellcheck source=tests/server/harness
. "$(dirname "$0")/harness"

start --default-model colour
t=$url/translate
expect 200 -F image=@a.png "$t" && mv body plain.png
cp a.png 'a "b" c;d.png'
plain() { expect 200 "$@" "$t" && same body plain.png; }

# form FILE-NAME-PARAMETER [BOUNDARY [PARAMETER]]: the picture in a hand-written form
form() {
    local boundary=${2-XX}
    {
        printf -- '--%s\r\nContent-Disposition: form-data; name="image"; ' "$boundary"
        printf -- '%s\r\nContent-Type: image/png\r\n\r\n' "$1"
        cat a.png
        printf -- '\r\n--%s--\r\n' "$boundary"
    } >form
    plain -H "Content-Type: multipart/form-data; boundary=${3-$boundary}" --data-binary @form
}
long=$(printf '%08000d' 0)
ok 'a file name of 8000 bytes is taken' form "filename=\"$long\""
ok 'so is one in Chinese' form 'filename="屏幕截图屏幕截图屏幕截图屏幕截图屏幕截图屏幕截图屏幕截图屏幕截图.png"'
ok 'one in filename* only' form "filename*=UTF-8''%e5%b1%8f.png"
ok 'one that ends in a backslash' form 'filename="C:\dir\"'
ok 'one with quotes that are not escaped' form 'filename="a "b" c.png"'
ok 'one with quotes that are escaped' form 'filename="a \"b\"; c.png"'
ok 'one as curl writes it' plain -F 'image=@"a \"b\" c;d.png"'
ok 'a boundary of equals signs that is not quoted is taken' form 'filename=a' '===1444057544756==='
ok 'and quoted' form 'filename=a' '===1444057544756===' '"===1444057544756==="'
ok 'a boundary with characters that no standard allows' form 'filename=a' '{a@b}#$%'

ok 'empty fields are as if they were not given' plain -F image=@a.png -F model= -F format= -F fit= -F quality= -F norm= -F dropout=
ok 'so are empty fields that are not known' plain -F image=@a.png -F remember=
ok 'and empty query parameters' expect 200 -F image=@a.png "$t?model=&fit="
ok 'the button that submitted a form is ignored' plain -F image=@a.png -F submit=Upload
ok 'a second file input that was left empty is ignored' plain -F 'image=;filename=""' -F photo=@a.png
nothing() { problem 400 'no file' -F 'image=;filename=""' -F model=colour "$t"; }
ok 'a form whose only file input was left empty: 400' nothing

typed() { plain -H "Content-Type: $1" --data-binary "@$2"; }
ok 'image/x-png is PNG' typed image/x-png a.png
jpeg() {
    expect 200 -H 'Content-Type: image/jpeg' --data-binary @b.jpg "$t" && mv body jpeg.png &&
        expect 200 -H "Content-Type: $1" --data-binary @b.jpg "$t" && same body jpeg.png
}
ok 'image/jpg is JPEG' jpeg image/jpg
ok 'image/pjpeg is JPEG' jpeg image/pjpeg
ok 'a JPEG declared as image/x-png: 415 with the header to send' problem 415 'Content-Type: image/jpeg' -H 'Content-Type: image/x-png' --data-binary @b.jpg "$t"

printf '\xef\xbb\xbf{"image":"%s","quality":90.0,"model":null,"seed":null}' "$(base64 -w0 a.png)" >mark.json
ok 'JSON with a byte order mark, null and 90.0 is read' plain -H 'Content-Type: application/json' --data-binary @mark.json
json() { problem "$1" "$2" --data-binary "$3" -H 'Content-Type: application/json' "$t"; }
ok 'a quality of 90.5: 400' json 400 "'quality'" '{"image":"YQ==","quality":90.5}'
ok 'a URL instead of a picture: 400 that says URLs are not fetched' json 400 'URLs are not fetched' '{"image":"https://a.example/b.png"}'
ok 'the same in a form field' problem 400 'URLs are not fetched' -F image=https://a.example/b.png "$t"

axios='Accept: application/json, text/plain, */*'
ok "axios' Accept with format=jpeg gives the JPEG" expect 200 -H "$axios" -F image=@a.png -F format=jpeg "$t"
ok 'and says so' header 'content-type: image/jpeg'
wrapped() { expect 200 -H "$axios" -F image=@a.png "$t" && header 'content-type: application/json'; }
ok 'without format it gives JSON, as it asks for' wrapped
only() { expect 200 -H 'Accept: application/json' -F image=@a.png -F format=jpeg "$t" && grep -q '"format":"jpeg"' body; }
ok 'Accept: application/json alone wraps the format that was asked for' only
stop

done_testing
