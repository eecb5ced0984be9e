#!/usr/bin/env python3
"""translate_requests.py URL IN.png OUT.png: the same with the requests library, as a form."""
import sys

import requests

url, source, target = sys.argv[1:]
with open(source, 'rb') as file:
    response = requests.post(url + '/translate', files={'image': file}, data={'format': 'png'}, timeout=30)
if not response.ok:
    sys.exit(response.json()['detail'])
with open(target, 'wb') as file:
    file.write(response.content)
