#!/usr/bin/env python3
"""translate.py URL IN.png OUT.png: translates a picture with Python's standard library."""
import json
import sys
import urllib.error
import urllib.request

url, source, target = sys.argv[1:]
with open(source, 'rb') as file:
    request = urllib.request.Request(url + '/translate', file.read(), {'Content-Type': 'image/png'})
try:
    with urllib.request.urlopen(request, timeout=30) as response, open(target, 'wb') as file:
        file.write(response.read())
except urllib.error.HTTPError as error:
    sys.exit(json.load(error)['detail'])
