# SPDX-License-Identifier: Apache-2.0
"""Chromium, headless, driven over pipes by the DevTools protocol; needs the standard library."""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time


def program():
    """Its path, or None."""
    for name in ('chromium', 'chromium-browser', 'google-chrome'):
        if shutil.which(name):
            return shutil.which(name)
    return None


def find():
    """The program, or the test is skipped."""
    if program():
        return program()
    print('skipped: there is no Chromium here')
    sys.exit(77)


class Browser:
    def __init__(self, width=1280, height=900):
        self.folder = tempfile.mkdtemp(dir=os.environ.get('HR_TMP'))
        to_read, self.write = os.pipe()
        read, to_write = os.pipe()

        def pass_pipes():  # it reads 3 and writes 4
            a, b = os.dup(to_read), os.dup(to_write)
            os.dup2(a, 3)
            os.dup2(b, 4)
        self.process = subprocess.Popen(
            [find(), '--headless=new', '--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu',
             '--hide-scrollbars', '--remote-debugging-pipe', '--user-data-dir=' + self.folder,
             '--window-size=%d,%d' % (width, height)],
            preexec_fn=pass_pipes, close_fds=False, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.read = read
        self.rest, self.number, self.session, self.events = b'', 0, None, []
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self.session = self.call('Target.attachToTarget', targetId=target,
                                 flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Log', 'Network'):
            self.call(domain + '.enable')

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.process.kill()
        self.process.wait()
        os.close(self.read)
        os.close(self.write)
        shutil.rmtree(self.folder, ignore_errors=True)

    def message(self):
        while b'\0' not in self.rest:
            part = os.read(self.read, 1 << 16)
            if not part:
                raise EOFError('Chromium has ended')
            self.rest += part
        text, self.rest = self.rest.split(b'\0', 1)
        return json.loads(text)

    def call(self, method, **params):
        self.number += 1
        request = {'id': self.number, 'method': method, 'params': params}
        if self.session:
            request['sessionId'] = self.session
        os.write(self.write, json.dumps(request).encode() + b'\0')
        while True:
            answer = self.message()
            if answer.get('id') == request['id']:
                if 'error' in answer:
                    raise RuntimeError('%s: %s' % (method, answer['error']))
                return answer['result']
            self.events.append(answer)

    def js(self, code):
        answer = self.call('Runtime.evaluate', expression=code, awaitPromise=True,
                           returnByValue=True)
        if 'exceptionDetails' in answer:
            raise RuntimeError('%s: %s' % (code, answer['exceptionDetails']))
        return answer['result'].get('value')

    def go(self, url, path):
        """Opens a page of ours, and waits until it says that it is ready."""
        self.call('Page.navigate', url=url + path.lstrip('/'))
        self.until("document.getElementById('main')?.dataset.ready === %s" % json.dumps(path))

    def until(self, condition, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.js('!!(%s)' % condition):
                return True
            time.sleep(0.05)
        raise AssertionError('never came true: %s; %s' % (condition, self.complaints()))

    def figure(self, name):
        return self.js('document.querySelector(\'[data-figure="%s"]\')?.textContent' % name)

    def exact(self, name):
        return self.js('document.querySelector(\'[data-figure="%s"]\')?.title' % name)

    def key(self, key):
        for kind in ('keyDown', 'keyUp'):
            self.call('Input.dispatchKeyEvent', type=kind, key=key,
                      text=key if kind == 'keyDown' and len(key) == 1 else '')

    def picture(self, path):
        data = self.call('Page.captureScreenshot')['data']
        with open(path, 'wb') as f:
            f.write(base64.b64decode(data))

    def complaints(self):
        """What the console has as errors since the last call."""
        self.js('0')
        found = []
        for event in self.events:
            params = event.get('params', {})
            if event.get('method') == 'Runtime.exceptionThrown':
                found.append(json.dumps(params['exceptionDetails'])[:500])
            elif event.get('method') == 'Runtime.consoleAPICalled' and params['type'] == 'error':
                found.append(json.dumps(params['args'])[:500])
            elif event.get('method') == 'Log.entryAdded' and params['entry']['level'] == 'error':
                found.append('%(text)s' % params['entry'] + ' ' + params['entry'].get('url', ''))
        return found

    def requests(self):
        return [e['params']['request']['url'] for e in self.events
                if e.get('method') == 'Network.requestWillBeSent']
