# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL server for the tests that need one: start() skips where it is not installed."""
import glob
import os
import shutil
import socket
import subprocess
import sys
import tempfile


def find(name):
    return shutil.which(name) or next(iter(sorted(
        glob.glob('/usr/lib/postgresql/*/bin/' + name), reverse=True)), None)


class Server:
    """user and database postgres, on a socket in a folder of its own and on a port of 127.0.0.1."""

    def __init__(self, password=None):
        self.folder = tempfile.mkdtemp(prefix='hr-pg')
        self.data = os.path.join(self.folder, 'data')
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            self.port = s.getsockname()[1]
        self.as_user = []
        if os.getuid() == 0:  # the server does not run as root
            shutil.chown(self.folder, 'postgres')
            self.as_user = ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups']
        secret = os.path.join(self.folder, 'secret')
        if password:
            with open(secret, 'w', encoding='utf-8') as file:
                file.write(password)
            os.chmod(secret, 0o644)
        how = ['-A', 'scram-sha-256', '--pwfile', secret] if password else ['-A', 'trust']
        self.run(find('initdb'), '-D', self.data, '-U', 'postgres', '-N', '-E', 'UTF8',
                 '--locale=C', *how)
        self.start()

    def run(self, *command):
        subprocess.run([*self.as_user, *command], check=True, cwd=self.folder, timeout=60,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def start(self):
        self.run(find('pg_ctl'), '-D', self.data, '-w', '-l', os.path.join(self.folder, 'log'),
                 '-o', f'-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 '
                 '-c fsync=off -c shared_buffers=16MB', 'start')

    def stop(self, how='immediate'):
        self.run(find('pg_ctl'), '-D', self.data, '-m', how, '-w', 'stop')

    def url(self):
        return f'postgresql://postgres@127.0.0.1:{self.port}/postgres'

    def sql(self, text):
        """Rows, columns with | between them."""
        done = subprocess.run([find('psql'), '-XAtq', self.url(), '-c', text], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30,
                              stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.splitlines()

    def close(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


def start(password=None):
    if not find('initdb') or not find('psql'):
        print('PostgreSQL is not installed (Debian: postgresql)')
        sys.exit(77)
    return Server(password)
