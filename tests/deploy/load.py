"""An open loop of HTTP clients: pictures are due at a fixed rate, however long the answers take.

Half of the clients keep their connections, half open one for each picture. An answer counts only if
it is a 200 with the bytes that this picture was answered with before."""

import http.client
import queue
import select
import threading
import time

PATIENCE = 30


class Load:
    """Posts `bodies` in turn to `address`, `rate` a second, until finish()."""

    def __init__(self, address, bodies, rate, clients=24, check=True):
        self.address, self.bodies, self.rate, self.check = address, bodies, rate, check
        self.due, self.lock = queue.Queue(), threading.Lock()
        self.answers = {}
        self.failures, self.seconds = [], []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(i % 2 == 0,), daemon=True)
                        for i in range(clients)]
        self.clock = threading.Thread(target=self.schedule, daemon=True)
        for thread in self.threads + [self.clock]:
            thread.start()

    def schedule(self):
        start, count = time.monotonic(), 0
        while not self.stopping.wait(max(0, start + count / self.rate - time.monotonic())):
            self.due.put((count, start + count / self.rate))
            count += 1

    def run(self, keeps):
        connection = None
        while True:
            ticket = self.due.get()
            if ticket is None:
                return
            number, due = ticket
            try:
                # A client looks first whether a kept connection is still open.
                if connection and (connection.sock is None
                                   or select.select([connection.sock], [], [], 0)[0]):
                    connection.close()
                    connection = None
                connection = connection or http.client.HTTPConnection(*self.address, timeout=PATIENCE)
                why = self.ask(connection, number % len(self.bodies))
            except (OSError, http.client.HTTPException) as error:
                why = type(error).__name__
            with self.lock:
                if why:
                    self.failures.append(why)
                else:
                    self.seconds.append(time.monotonic() - due)
            if connection and (why or not keeps):
                connection.close()
                connection = None

    def ask(self, connection, which):
        """What is wrong with the answer, or None."""
        connection.request('POST', '/translate', self.bodies[which],
                           {'Content-Type': 'application/octet-stream'})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            return str(answer.status)
        with self.lock:
            first = self.answers.setdefault(which, body)
        return 'another answer' if self.check and body != first else None

    def finish(self):
        """Waits for what is under way. Returns (answered, failed, what failed and how often)."""
        self.stopping.set()
        self.clock.join()
        for _ in self.threads:
            self.due.put(None)
        for thread in self.threads:
            thread.join()
        kinds = {why: self.failures.count(why) for why in set(self.failures)}
        return len(self.seconds), len(self.failures), kinds

    def percentile(self, share):
        """Of the seconds from when a picture was due to its answer."""
        times = sorted(self.seconds)
        return times[min(len(times) - 1, int(share * len(times)))] if times else float('nan')
