"""The load generator and the sink, as processes that move on when they are told to."""
import json
import subprocess
import threading


class LoadFailed(Exception):
    """It ended, or hung, where it should have answered."""


class Load:
    """`mail_load run`: open, work, close, with a pause before each in which nothing moves. A context
    manager: at its end the process is gone, whatever happened."""

    def __init__(self, program, port, scenario, *options):
        self.process = subprocess.Popen(
            [program, "run", "--port", str(port), "--scenario", scenario, *map(str, options)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def answer(self, within):
        """What it says next; seconds."""
        timer = threading.Timer(within, self.process.kill)
        timer.start()
        try:
            line = self.process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            raise LoadFailed(f"mail_load ended, or said nothing for {within:.0f} s")
        return json.loads(line)

    def go(self):
        """The next phase begins."""
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def close(self, within=30):
        """Ends its sessions politely."""
        self.go()
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise LoadFailed("mail_load did not end") from None
        if self.process.returncode != 0:
            raise LoadFailed(f"mail_load ended with {self.process.returncode}")


class Sink:
    """`mail_load sink`: the server behind all proxies. It ends with this process."""

    def __init__(self, program, ports, message):
        self.process = subprocess.Popen(
            [program, "sink", *(word for name, port in ports.items()
                                for word in (f"--{name}", str(port))), "--message", str(message)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ready":
            self.__exit__()
            raise LoadFailed("the sink did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
