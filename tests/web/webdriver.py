"""A small WebDriver client: chromedriver over HTTP, with nothing but the standard library.

    with Browser(width=1366, height=768) as browser:
        browser.open('http://127.0.0.1:8080/')
        browser.js('return document.title')
"""
import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

SWITCHES = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
            '--disable-background-networking', '--disable-component-update', '--disable-sync',
            '--hide-scrollbars', '--use-fake-device-for-media-stream',
            '--use-fake-ui-for-media-stream']


class WebDriverError(Exception):
    pass


class Browser:
    """One Chromium with a profile of its own; closed and removed at the end."""

    def __init__(self, width=1366, height=768, switches=(), touch=False):
        self.profile = tempfile.mkdtemp(prefix='pix2pixd-web-')
        log = open(os.path.join(self.profile, 'chromedriver.log'), 'w+')
        self.driver = subprocess.Popen(['chromedriver', '--port=0'], stdout=log, stderr=log)
        self.base = f'http://127.0.0.1:{self._port(log.name)}'
        options = {'args': [*SWITCHES, *switches, f'--user-data-dir={self.profile}/data',
                            f'--window-size={width},{height}']}
        options['binary'] = shutil.which('chromium')
        self.session = self._call('POST', '/session', {'capabilities': {'alwaysMatch': {
            'browserName': 'chrome', 'goog:chromeOptions': options,
            'goog:loggingPrefs': {'browser': 'ALL', 'performance': 'ALL'}}}})['sessionId']
        self.resize(width, height, touch)

    def _port(self, log):
        for _ in range(200):
            started = re.search(r'successfully on port (\d+)', open(log).read())
            if started:
                return int(started.group(1))
            time.sleep(0.05)
        raise WebDriverError('chromedriver did not start: ' + open(log).read())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self._call('DELETE', f'/session/{self.session}')
        except (OSError, WebDriverError):
            pass
        self.driver.terminate()
        self.driver.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {'Content-Type': 'application/json'},
                                         method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)['value']
        except urllib.error.HTTPError as error:
            value = json.load(error)['value']
            raise WebDriverError(f"{value['error']}: {value['message']}") from None

    def command(self, method, path, body=None):
        return self._call(method, f'/session/{self.session}{path}', body)

    def open(self, url):
        self.command('POST', '/url', {'url': url})

    def js(self, script, *arguments):
        """Runs a script; `return` gives its value back, promises are awaited."""
        script = f'return (async () => {{ {script} }})().then((v) => v === undefined ? null : v)'
        return self.command('POST', '/execute/sync', {'script': script, 'args': list(arguments)})

    def cdp(self, name, **parameters):
        return self.command('POST', '/goog/cdp/execute', {'cmd': name, 'params': parameters})

    def resize(self, width, height, touch=False):
        self.cdp('Emulation.setDeviceMetricsOverride', width=width, height=height,
                 deviceScaleFactor=1, mobile=touch)
        self.cdp('Emulation.setTouchEmulationEnabled', enabled=touch, maxTouchPoints=5)

    def screenshot(self, path):
        with open(path, 'wb') as file:
            file.write(base64.b64decode(self.command('GET', '/screenshot')))

    def console(self):
        return [e for e in self.command('POST', '/se/log', {'type': 'browser'})]

    def requests(self):
        """The addresses of all requests since the last call."""
        urls = []
        for entry in self.command('POST', '/se/log', {'type': 'performance'}):
            message = json.loads(entry['message'])['message']
            if message['method'] == 'Network.requestWillBeSent':
                urls.append(message['params']['request']['url'])
        return urls

    def pointer(self, actions, kind='mouse', name='pointer'):
        self.command('POST', '/actions', {'actions': [
            {'type': 'pointer', 'id': name, 'parameters': {'pointerType': kind}, 'actions': actions}]})

    def touches(self, fingers):
        """Several fingers at once: a list of lists of actions, played in step."""
        self.command('POST', '/actions', {'actions': [
            {'type': 'pointer', 'id': f'finger{i}', 'parameters': {'pointerType': 'touch'}, 'actions': a}
            for i, a in enumerate(fingers)]})

    def keys(self, *presses):
        """Each press is a key, or a list of keys that are held together."""
        actions = []
        for press in presses:
            keys = press if isinstance(press, list) else [press]
            actions += [{'type': 'keyDown', 'value': k} for k in keys]
            actions += [{'type': 'keyUp', 'value': k} for k in reversed(keys)]
        self.command('POST', '/actions', {'actions': [{'type': 'key', 'id': 'keys', 'actions': actions}]})

    def click(self, selector):
        element = self.command('POST', '/element', {'using': 'css selector', 'value': selector})
        self.command('POST', f'/element/{next(iter(element.values()))}/click', {})

    def wait(self, script, seconds=15, what=None):
        """Until the expression is true; its value."""
        end = time.monotonic() + seconds
        while True:
            value = self.js(f'return {script}')
            if value or time.monotonic() > end:
                if not value:
                    raise WebDriverError(f'{what or script}: not within {seconds} s')
                return value
            time.sleep(0.05)


def move(x, y, duration=0):
    return {'type': 'pointerMove', 'x': round(x), 'y': round(y), 'duration': duration, 'origin': 'viewport'}


DOWN = {'type': 'pointerDown', 'button': 0}
UP = {'type': 'pointerUp', 'button': 0}


def pause(ms):
    return {'type': 'pause', 'duration': ms}
