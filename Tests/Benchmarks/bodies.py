#!/usr/bin/env python3
"""Large bodies in both directions, beside PHP-FPM and Go: `bodies.py [--megabytes N] [--rounds N] [--page FILE]`.

One nginx with one worker stands in front of all of them, over HTTP on this host, and passes bodies on as they come
(`fastcgi_request_buffering off`, `fastcgi_buffering` as it is, without temporary files). curl sends and gets. The rows are
measured in turns, round by round:

 * upload: a body of N MiB, counted as it comes
 * form: the same as a file of a multipart form; PHP writes it to a temporary file, the others count it as it comes
 * download: N MiB of zeros

The figures are medians: MiB a second, seconds of processor time of all processes of the server for each GiB, and by how many
MiB the memory of a process of the server grew above what it was before the transfer (the greatest of all processes and rounds).
Ours is stress-server with one worker and 2 threads, PHP-FPM has 8 processes. --page writes the table into a page of the
documentation, between the comments `bodies` and `end of bodies`. Ends with `N passed, N failed`: a row passes when each
transfer was complete, and ours when it also grew by less than 16 MiB.
"""
import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import bench  # noqa: E402

LIMIT = 16


def ours(work, binary):
    directory = os.path.join(work, "ours")
    os.mkdir(directory)
    settings = {
        "PARANOID_LISTEN": f"unix:{directory}/app.sock", "PARANOID_WORKERS": "1", "PARANOID_THREADS": "2", "PARANOID_STATUS": "none",
        "PARANOID_SESSION_DIR": f"{directory}/sessions", "PARANOID_SECRET_FILE": f"{directory}/secret",
    }
    return bench.Server("ours", [binary], bench.clean_environment(**settings), f"unix:{directory}/app.sock")


def widen(work):
    """Sets the limits of nginx and of PHP above the bodies."""
    for path, old, new in (
        (f"{work}/nginx/conf/nginx.conf", "    access_log off;\n", "    access_log off;\n    client_max_body_size 0;\n    fastcgi_request_buffering off;\n    fastcgi_max_temp_file_size 0;\n    fastcgi_read_timeout 600s;\n"),
        (f"{work}/php.conf", "php_admin_value[opcache.enable] = 1\n",
         "php_admin_value[opcache.enable] = 1\nphp_admin_value[post_max_size] = 16G\nphp_admin_value[upload_max_filesize] = 16G\n"
         f"php_admin_value[output_buffering] = 0\nphp_admin_value[max_execution_time] = 0\nphp_admin_value[upload_tmp_dir] = {work}\n"),
    ):
        if not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as file:
            text = file.read()
        assert old in text, f"{path} has another form"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))


def kilobytes(pid, field):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            return int(re.search(rf"^{field}:\s+(\d+)", file.read(), re.M).group(1))
    except (OSError, AttributeError):
        return 0


def transfer(server, words, wanted, megabytes):
    """One transfer: MiB/s, processor seconds a GiB and the growth in MiB; `None` when it was not complete."""
    before = {}
    for pid in server.pids():
        before[pid] = kilobytes(pid, "VmRSS")
        with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    ticks, start = server.ticks(), time.monotonic()
    done = subprocess.run(["curl", "-q", "-s", "-S", "--max-time", "600", "-H", "Expect:", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    seconds, used = time.monotonic() - start, server.ticks() - ticks
    if done.returncode != 0 or done.stdout.strip() != wanted:
        print(f"bodies.py: {server.name}: curl said {done.stdout.strip()!r}")
        return None
    grown = max(kilobytes(pid, "VmHWM") - size for pid, size in before.items()) / 1024
    return megabytes / seconds, used / os.sysconf("SC_CLK_TCK") * 1024 / megabytes, grown


def measure(servers, work, megabytes, rounds):
    body = os.path.join(work, "body")
    with open(body, "wb") as file:
        # Written and not only made long: the first reader would else wait for the file system.
        for _ in range(megabytes):
            file.write(bytes(1 << 20))
    count = megabytes << 20
    kinds = {
        "upload": lambda url: (["-X", "POST", "-H", "Content-Type: application/octet-stream", "-T", body, url + "/count"], str(count)),
        "form": lambda url: (["-F", "a=b", "-F", f"f=@{body}", url + "/parts"], f"a 1\nf {count}"),
        "download": lambda url: (["-o", "/dev/null", "-w", "%{http_code} %{size_download}", f"{url}/zeros?mb={megabytes}"], f"200 {count}"),
    }
    found = {}
    for number in range(rounds):
        turn = number % len(servers)
        for kind, words in kinds.items():
            for server in servers[turn:] + servers[:turn]:
                result = transfer(server, *words(f"http://127.0.0.1:{server.port}"), megabytes)
                found.setdefault((kind, server.name), []).append(result)
    return found


def table(found, megabytes, rounds):
    lines = [f"{megabytes} MiB, {rounds} rounds; medians", "", "| | MiB/s | CPU s a GiB | grew by MiB at most |", "|---|---|---|---|"]
    for (kind, name), results in found.items():
        results = [result for result in results if result]
        if results:
            rate, used = (statistics.median(result[index] for result in results) for index in (0, 1))
            lines.append(f"| {name}: {kind} | {rate:.0f} | {used:.2f} | {max(result[2] for result in results):.1f} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--page")
    words = parser.parse_args()
    binary = os.path.join(os.environ.get("PARANOID_BIN_DIR", os.path.join(bench.ROOT, ".build", "release")), "stress-server")
    work = tempfile.mkdtemp(prefix="bodies-")
    os.chmod(work, 0o700)
    processes = []
    try:
        found = bench.peers(work, lambda name: name in ("PHP-FPM", "Go"))
        servers = [ours(work, os.path.abspath(binary)), *found.values()]
        nginx_command = bench.configure_nginx(work, servers)
        widen(work)
        with open(os.path.join(work, "log"), "wb") as log:
            for server in servers:
                server.start(log)
                processes.append(server.process)
            processes.append(subprocess.Popen(nginx_command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        end = time.monotonic() + 60
        for server in servers:
            while (answer := bench.ask(server.port, "/hello")) is None or answer[0] != 200:
                if time.monotonic() > end:
                    sys.exit(f"bodies.py: {server.name} does not answer: {answer}\n0 passed, 1 failed")
                time.sleep(0.1)
        # Once for each, small, so that what a program allocates with its first request is not counted.
        measure(servers, work, 8, 1)
        results = measure(servers, work, words.megabytes, words.rounds)
        text = table(results, words.megabytes, words.rounds)
        print(text)
        failed = 0
        for (kind, name), each in results.items():
            complete = all(each)
            grown = max((result[2] for result in each if result), default=0)
            if not complete or (name == "ours" and grown >= LIMIT):
                failed += 1
                print(f"bodies.py: {name}: {kind}: {'a transfer was not complete' if not complete else f'it grew by {grown:.1f} MiB'}")
        if words.page:
            with open(words.page, encoding="utf-8") as file:
                page = file.read()
            start, stop = "<!-- bodies -->\n", "<!-- end of bodies -->"
            before, behind = page.index(start) + len(start), page.index(stop)
            with open(words.page, "w", encoding="utf-8") as file:
                file.write(f"{page[:before]}\n{text}\n\n{page[behind:]}")
        print(f"{len(results) - failed} passed, {failed} failed")
        return 1 if failed else 0
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
