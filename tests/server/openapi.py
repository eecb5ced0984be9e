#!/usr/bin/python3
"""Black-box tests of /openapi.json: it is well formed, and it is true. Every answer here is held to what it says
of that path, status and type, and every status that it lists is provoked, but for NOT_PROVOKED."""

import base64
import json
import os
import re
import signal
import sys
import threading

sys.dont_write_bytecode = True
from daemon import Daemon, done, equal, make_model, make_picture, ok  # noqa: E402
from pixels import pattern  # noqa: E402

make_model('colour', 'unet_32', 4, 3, 3, 1)
make_model('slow', 'unet_128', 32, 3, 3, 3)
PICTURE = make_picture('a.png', 48, 40)
PNG, JSON = 'Content-Type: image/png', 'Content-Type: application/json'
FORM = 'Content-Type: multipart/form-data; boundary=b0'
LISTED = 'https://pictures.example'
daemon = Daemon('--default-model', 'colour', '--max-body', '100KiB', '--allow-origin', LISTED,
                '--rate-limit', '1000000/s')
daemon.load_all()
description = json.loads(daemon.get('/openapi.json')[2])
# Bugs of ours, failing disks, no memory; a worker that hangs is in limits.sh.
NOT_PROVOKED = {('/translate', '500'), ('/startupz', '503'), ('/healthz', '503'), ('/livez', '503'), ('/v2', '5XX'), ('/v2/health/live', '5XX'),
                ('/v2/models/{model}', '5XX'), ('/v2/models/{model}/versions/{version}', '5XX')}


def resolve(node):
    while '$ref' in node:
        parts, node = node['$ref'].split('/'), description
        equal(parts.pop(0), '#')
        for part in parts:
            node = node[part.replace('~1', '/').replace('~0', '~')]
    return node


def operations():
    for path, methods in description['paths'].items():
        for method, operation in methods.items():
            yield path, method, operation


def walk(node, visit):
    if isinstance(node, dict):
        visit(node)
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        walk(child, visit)


# --- what a schema says --------------------------------------------------------------------------
KEYWORDS = {'type', 'properties', 'required', 'enum', 'const', 'items', 'minItems', 'maxItems', 'minLength',
            'maxLength', 'minimum', 'maximum', 'pattern'}
NOTES = {'description', 'format', 'contentEncoding', 'default', 'examples', 'additionalProperties'}
TYPES = {'object': dict, 'array': list, 'string': str, 'integer': int, 'number': (int, float), 'boolean': bool,
         'null': type(None)}


def check_value(value, schema, where='$'):
    """Every part of a value is what its schema says, and every member of an object is described."""
    schema = resolve(schema)
    assert set(schema) <= KEYWORDS | NOTES, schema
    kind = schema.get('type')
    assert kind is None or isinstance(value, TYPES[kind]) and (kind == 'boolean') == isinstance(value, bool), \
        '%s is %r, not of type %s' % (where, value, kind)
    assert value in schema.get('enum', [value]) and schema.get('const', value) == value, (where, value)
    if isinstance(value, str):
        assert schema.get('minLength', 0) <= len(value) <= schema.get('maxLength', len(value)), (where, value)
        assert re.search(schema.get('pattern', ''), value), (where, value)
        if schema.get('contentEncoding') == 'base64':
            base64.b64decode(value, validate=True)
    elif isinstance(value, (int, float)):
        assert schema.get('minimum', value) <= value <= schema.get('maximum', value), (where, value)
    elif isinstance(value, list):
        assert schema.get('minItems', 0) <= len(value) <= schema.get('maxItems', len(value)), (where, value)
        for item in value:
            check_value(item, schema.get('items', {}), where + '[]')
    elif isinstance(value, dict):
        missing = set(schema.get('required', ())) - set(value)
        assert not missing, '%s has no %s: %r' % (where, missing, value)
        for name, member in value.items():
            if 'properties' in schema:
                assert name in schema['properties'], '%s.%s is not described' % (where, name)
                check_value(member, schema['properties'][name], where + '.' + name)


# --- the description ------------------------------------------------------------------------------
@ok('operations have unique names, a summary, a known tag, and a success among their answers')
def _():
    names = [operation['operationId'] for _, _, operation in operations()]
    equal(len(names), len(set(names)))
    tags = {tag['name'] for tag in description['tags']}
    for path, method, operation in operations():
        assert operation['summary'] and set(operation['tags']) <= tags and operation['tags'], (path, method)
        assert [status for status in operation['responses'] if status.startswith('2')], (path, method)
        equal('requestBody' in operation, method == 'post')
    equal({tag for _, _, operation in operations() for tag in operation['tags']}, tags)


@ok('every answer has a description, and a schema for each of its types')
def _():
    for path, _, operation in operations():
        for status, answer in operation['responses'].items():
            answer = resolve(answer)
            assert re.fullmatch('[1-5](\\d\\d|XX)', status) and answer['description'], (path, status)
            assert answer['content'], (path, status)
            for media in list(answer['content'].values()) + [resolve(h) for h in answer.get('headers', {}).values()]:
                assert resolve(media['schema']), (path, status)
        for media in resolve(operation.get('requestBody', {})).get('content', {}).values():
            assert resolve(media['schema']), path


@ok('parameters have a schema, and those of a path are in it')
def _():
    for path, _, operation in operations():
        parameters = [resolve(parameter) for parameter in operation.get('parameters', [])]
        keys = [(parameter['in'], parameter['name'].lower()) for parameter in parameters]
        equal(len(keys), len(set(keys)))
        for parameter in parameters:
            assert parameter['in'] in ('path', 'query', 'header') and resolve(parameter['schema']), parameter
            equal(parameter.get('required', False), parameter['in'] == 'path')
        equal(sorted(name for place, name in keys if place == 'path'), sorted(re.findall(r'{(\w+)}', path)))


@ok('every component is used')
def _():
    used = set()
    walk(description, lambda node: used.add(node.get('$ref')))
    walk(description, lambda node: [used.add('#/components/securitySchemes/' + name)
                                    for choice in node.get('security', ()) for name in choice])
    for kind, components in description['components'].items():
        for name in components:
            assert '#/components/%s/%s' % (kind, name) in used, (kind, name)


@ok('what a schema requires is among its properties, and its keywords are known')
def _():
    def visit(node):
        assert set(node.get('required', ())) <= set(node['properties']), node
    walk(description, lambda node: isinstance(node.get('properties'), dict) and 'type' in node and visit(node))
    for schema in description['components']['schemas'].values():
        walk(schema, lambda node: isinstance(node.get('type'), str) and equal(set(node) - KEYWORDS - NOTES, set()))


# --- the daemon ------------------------------------------------------------------------------------
seen = set()


def hold(path, answer, method='get'):
    """The answer is as described for the path, which is one of the description's."""
    status, headers, body = answer
    responses = description['paths'][path][method]['responses']
    key = str(status) if str(status) in responses else '%dXX' % (status // 100)
    assert key in responses, '%s: %d is not described' % (path, status)
    seen.add((path, key))
    response = resolve(responses[key])
    kind = headers['content-type'].split(';')[0]
    assert kind in response['content'], '%s %d: %s is not described' % (path, status, kind)
    for name, header in response.get('headers', {}).items():
        if name.lower() in headers:
            schema = resolve(resolve(header)['schema'])
            value = headers[name.lower()]
            check_value(int(value) if schema['type'] == 'integer' else value, schema, name)
    if kind.endswith('json'):
        check_value(json.loads(body), response['content'][kind]['schema'])
    return status


def post(path, *headers, body=PICTURE, to=daemon, described=None):
    return hold(described or path.partition('?')[0], to.request('POST', path, *headers, body=body), 'post')


def form(*fields):
    body = b''.join(b'--b0\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value.encode())
                    for name, value in fields)
    return (body + b'--b0\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n' + PICTURE
            + b'\r\n--b0--\r\n')


def bad_value(schema):
    """What a field with such a schema cannot be."""
    schema = resolve(schema)
    return 'none-such' if 'enum' in schema or 'pattern' in schema else str(schema.get('maximum', 0) + 1)


@ok('GETs are as described, from a listed page and from a name that a web site points here')
def _():
    for path, method, _ in operations():
        url = path.replace('{model}', 'colour').replace('{version}', '1')
        if method == 'get':
            equal(hold(path, daemon.get(url, 'Origin: ' + LISTED)), 200)
            equal(hold(path, daemon.get(url, 'Host: evil.example')), 403)


@ok('/translate is as described, in every form of its answer')
def _():
    for headers, body in (((PNG,), PICTURE), ((PNG, 'Accept: image/jpeg'), PICTURE), ((FORM,), form()),
                          ((JSON, 'Accept: application/json'),
                           json.dumps({'image': base64.b64encode(PICTURE).decode()}).encode())):
        equal(post('/translate', *headers, body=body), 200)
    answer = daemon.request('POST', '/translate', PNG, body=PICTURE)
    for name in resolve(description['paths']['/translate']['post']['responses']['200'])['headers']:
        assert name.lower() in answer[1], name


@ok('so is each of its refusals')
def _():
    for status, path, headers, body in ((400, '/translate?colour=red', (PNG,), PICTURE),
                                        (403, '/translate', (PNG, 'Origin: https://evil.example'), PICTURE),
                                        (404, '/translate?model=none', (PNG,), PICTURE),
                                        (413, '/translate', (PNG,), bytes(200000)),
                                        (415, '/translate', ('Content-Type: image/webp',), PICTURE),
                                        (422, '/translate', (PNG,), b'x')):
        equal(post(path, *headers, body=body), status)


@ok('a described field is known as such in the query, the form and JSON: a wrong value is refused')
def _():
    operation = description['paths']['/translate']['post']
    content = operation['requestBody']['content']
    for parameter in map(resolve, operation['parameters']):
        if parameter['in'] == 'query':
            name, bad = parameter['name'], bad_value(parameter['schema'])
            wanted = 404 if name == 'model' else 400
            equal(post('/translate?%s=%s' % (name, bad), PNG), wanted)
            assert bad_value(content['multipart/form-data']['schema']['properties'][name]) == bad
            equal(post('/translate', FORM, body=form((name, bad))), wanted)
            text = {'image': base64.b64encode(PICTURE).decode(), name: bad}
            equal(post('/translate', JSON, body=json.dumps(text).encode()), wanted)


@ok("a described field of OpenAI's form is known, and others are ignored")
def _():
    properties = description['paths']['/v1/images/edits']['post']['requestBody']['content']['multipart/form-data'][
        'schema']['properties']
    for name, schema in properties.items():
        if name != 'image':
            equal(post('/v1/images/edits', FORM, body=form((name, bad_value(schema)))), 404 if name == 'model' else 400)
    for name in set(description['components']['schemas']) & {'format', 'quality'}:
        assert name not in properties
        equal(post('/v1/images/edits', FORM, body=form((name, 'none-such'))), 200)


@ok('inference is as described, in JSON and in binary, and so are its refusals')
def _():
    tensor = {'name': 'x', 'datatype': 'UINT8', 'shape': [8, 8, 3]}
    for path in '/v2/models/{model}/infer', '/v2/models/{model}/versions/{version}/infer':
        url = path.replace('{model}', 'colour').replace('{version}', '1')
        schema = description['paths'][path]['post']['requestBody']['content']['application/json']['schema']
        request = {'id': '7', 'inputs': [dict(tensor, data=list(pattern(8)))]}
        check_value(request, schema)
        equal(post(url, JSON, body=json.dumps(request).encode(), described=path), 200)
        equal(post(url, JSON, body=b'{}', described=path), 400)
        equal(post(url, 'Inference-Header-Content-Length: 0', described=path), 200)
        for name in 'fit', 'norm', 'dropout', 'format', 'quality':
            assert name in description['paths']['/v2/models/{model}/infer']['post']['description']
            request['parameters'] = {name: bad_value(description['components']['schemas'][name])}
            equal(post(url, JSON, body=json.dumps(request).encode(), described=path), 400)
    for path, method, _ in operations():
        if '{model}' in path:
            url = path.replace('{model}', 'none').replace('{version}', '1')
            equal(hold(path, daemon.request(method.upper(), url, body=b'{"inputs":[]}' if method == 'post' else None),
                       method) // 100, 4)


@ok('a daemon that is too busy or too late says so as described')
def _():
    busy = Daemon('--default-model', 'slow', '--max-batch', '1', '--queue-seconds', '0.05')
    paths = {'/translate': (PNG,), '/v1/images/edits': (FORM,),
             '/v2/models/{model}/infer': ('Inference-Header-Content-Length: 0',),
             '/v2/models/{model}/versions/{version}/infer': ('Inference-Header-Content-Length: 0',)}
    wanted = {(path, '503' if path == '/translate' else '5XX') for path in paths} | {('/translate', '504')}
    failures = []

    def ask(path):
        url = path.replace('{model}', 'slow').replace('{version}', '1')
        late = ('X-Request-Timeout-Ms: 1',) if path == '/translate' and ('/translate', '504') not in seen else ()
        try:
            post(url + '?fit=image' * (path == '/translate'), *paths[path], *late, to=busy, described=path,
                 body=form(('fit', 'image')) if FORM in paths[path] else PICTURE)
        except Exception as error:  # a thread cannot fail a test
            failures.append(error)

    for _ in range(30):
        if wanted <= seen:
            break
        threads = [threading.Thread(target=ask, args=(path,)) for path in list(paths) * 5]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    equal((failures, wanted - seen), ([], set()))
    equal(busy.stop(), 0)


@ok('one that asks for keys, and bounds the rate, says so as described; what never needs a key is described so')
def _():
    with open('keys', 'w') as file:
        file.write('k' * 20)
    os.chmod('keys', 0o600)
    keyed = Daemon('--default-model', 'colour', '--api-keys', 'keys', '--rate-limit', '1/h')
    keyed.load_all()
    for path, method, operation in operations():
        if method == 'get' and '{' not in path:
            status = keyed.get(path)[0]
            equal((path, status), (path, 200 if operation.get('security') == [] else 401))
            hold(path, keyed.get(path))
    equal(post('/translate', PNG, body=PICTURE, to=keyed), 401)
    key = 'Authorization: Bearer ' + 'k' * 20
    equal([post('/translate', PNG, key, body=PICTURE, to=keyed) for _ in range(2)], [200, 429])
    equal(keyed.stop(), 0)


@ok('so does one that is stopping')
def _():
    other = Daemon('--drain-delay', '60')
    other.process.send_signal(signal.SIGTERM)
    other.wait_for('pix2pixd_ready', 0)
    for path in '/readyz', '/v2/health/ready', '/v2/models/{model}/ready', '/v2/models/{model}/versions/{version}/ready':
        equal(hold(path, other.get(path.replace('{model}', 'colour').replace('{version}', '1'))), 503)
    equal(other.stop(), 0)


@ok('nothing is described that was not seen')
def _():
    described = {(path, status) for path, _, operation in operations() for status in operation['responses']}
    equal(sorted(described - seen - NOT_PROVOKED), [])
    equal(sorted(NOT_PROVOKED - described), [])


@ok('SIGTERM ends the daemon with 0')
def _():
    equal(daemon.stop(), 0)


done()
