"""A picture in each of the forms in which a client may send it, and a connection that is kept."""

import base64
import json
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from daemon import make_model, make_picture  # noqa: E402

make_model('colour', 'unet_32', 4, 3, 3, 1)
PNG = make_picture('a.png', 48, 40)
JPEG = make_picture('a.jpg', 48, 40)
FORM = (b'--XX\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n'
        b'Content-Type: image/png\r\n\r\n' + PNG + b'\r\n--XX--\r\n')
JSON = json.dumps({'image': base64.b64encode(PNG).decode()}).encode()


def post(content_type, body):
    return b'POST /translate HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s' % (
        content_type, len(body), body)


FORMS = {'a PNG': post(b'image/png', PNG), 'a JPEG': post(b'image/jpeg', JPEG),
         'a form': post(b'multipart/form-data; boundary=XX', FORM),
         'JSON': post(b'application/json', JSON)}


def ask(client, data):
    """Sends a request and reads its answer: the status, 0 if the connection ended before one."""
    try:
        client.sendall(data)
        answer = b''
        while b'\r\n\r\n' not in answer:
            piece = client.recv(65536)
            if not piece:
                return 0
            answer += piece
        head, _, body = answer.partition(b'\r\n\r\n')
        size = int(re.search(rb'(?i)\r\ncontent-length: (\d+)', head)[1])
        while len(body) < size:
            piece = client.recv(65536)
            if not piece:
                return 0
            body += piece
    except (ConnectionError, TimeoutError):
        return 0
    return int(head.split()[1])
