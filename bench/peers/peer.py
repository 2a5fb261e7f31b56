# SPDX-License-Identifier: Apache-2.0
"""What the peers' programs share: input, measuring, the answer's digest, Spark's session."""
import csv
import glob
import hashlib
import json
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TICKS = os.sysconf("SC_CLK_TCK")


def enter_venv():
    """Runs this program again inside the environment with the peers, unless it is there."""
    python = subprocess.run([os.path.join(ROOT, "tools", "venv")], check=True,
                            stdout=subprocess.PIPE, text=True).stdout.strip()
    if os.path.dirname(os.path.dirname(python)) != sys.prefix:
        os.execv(python, [python] + sys.argv)


def input_files(path):
    files = [path]
    if os.path.isdir(path):
        files = sorted(f for f in glob.glob(os.path.join(path, "*"))
                       if not os.path.basename(f).startswith(("_", ".")))
    if not files or not os.path.isfile(files[0]):
        sys.exit("no input files: %s" % path)
    return files


def as_folder(path, scratch):
    """Spark's file source reads folders only: a file gets one of its own."""
    if os.path.isdir(path):
        return path
    folder = os.path.join(scratch, "input")
    os.mkdir(folder)
    os.symlink(os.path.abspath(path), os.path.join(folder, os.path.basename(path)))
    return folder


def count_lines(files):
    count = 0
    for name in files:
        with open(name, "rb") as f:
            while chunk := f.read(1 << 22):
                count += chunk.count(b"\n")
    return count


def time_form(files):
    """How event_time is written: 'ms' (a number), 'ms text' (the same in quotes), or 'text'."""
    with open(files[0], encoding="utf-8") as f:
        value = json.loads(f.readline())["event_time"]
    if isinstance(value, int):
        return "ms"
    return "ms text" if value.isdigit() else "text"


def has_header(path):
    with open(path, encoding="utf-8", newline="") as f:
        return next(csv.reader(f))[0] == "ad_id"


def digest(lines):
    """Sixteen hexadecimal digits of the SHA-256 of the sorted lines, '\\n' between them."""
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


def process_started():
    """When this process began, on the clock of time.time()."""
    with open("/proc/self/stat", encoding="ascii") as f:
        ticks = int(f.read().rsplit(")", 1)[1].split()[19])
    with open("/proc/uptime", encoding="ascii") as f:
        uptime = float(f.read().split()[0])
    return time.time() - uptime + ticks / TICKS


def family():
    """This process and everything that it started."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name, encoding="utf-8", errors="replace") as f:
                    parents[int(name)] = int(f.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                pass
    found, grew = {os.getpid()}, True
    while grew:
        more = {p for p, parent in parents.items() if parent in found} - found
        grew = bool(more)
        found |= more
    return found


def cpu_seconds():
    total = 0
    for pid in family():
        try:
            with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            total += sum(int(x) for x in fields[11:15])
        except OSError:
            pass
    return total / TICKS


def peak_mb():
    total = 0
    for pid in family():
        try:
            with open("/proc/%d/status" % pid, encoding="utf-8", errors="replace") as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith("VmHWM:"))
        except OSError:
            pass
    return total / 1024


class Measure:
    """Wall and CPU time of one `with` block; the process's start-up until then."""

    def __enter__(self):
        self.startup_s = time.time() - process_started()
        self.cpu = cpu_seconds()
        self.wall = time.monotonic()
        return self

    def __exit__(self, *_):
        self.wall_s = time.monotonic() - self.wall
        self.cpu_total_s = cpu_seconds()
        self.cpu_s = self.cpu_total_s - self.cpu
        self.peak_mb = peak_mb()

    def report(self, engine, version, job, events, threads, lines):
        print(json.dumps({
            "engine": engine, "job": job, "events": events, "wall_s": round(self.wall_s, 3),
            "cpu_s": round(self.cpu_s, 3), "peak_mb": round(self.peak_mb, 1),
            "startup_s": round(self.startup_s, 3), "answer_digest": digest(lines),
            "answer_rows": len(lines), "cpu_total_s": round(self.cpu_total_s, 3),
            "threads": threads, "version": version}))


def open_spark(threads, memory, scratch):
    """A local session with UTC, RocksDB state and as many shuffle partitions as threads."""
    os.environ["TZ"] = "UTC"
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    log = os.open(os.path.join(scratch, "spark.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 2)                           # what Java has to say; the folder stays on failure
    os.environ["PYSPARK_SUBMIT_ARGS"] = (
        "--driver-memory %s --driver-java-options '-Duser.timezone=UTC' pyspark-shell" % memory)
    from pyspark.sql import SparkSession
    provider = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
    spark = (SparkSession.builder.master("local[%d]" % threads).appName("peer")
             .config("spark.ui.enabled", "false")
             .config("spark.ui.showConsoleProgress", "false")
             .config("spark.driver.host", "127.0.0.1")
             .config("spark.local.dir", scratch)
             .config("spark.sql.warehouse.dir", os.path.join(scratch, "warehouse"))
             .config("spark.sql.session.timeZone", "UTC")
             .config("spark.sql.shuffle.partitions", str(threads))
             .config("spark.sql.streaming.stateStore.providerClass", provider)
             .getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def run_stream(counted, scratch):
    """Runs a streaming aggregation to the end of its input in update mode, with a checkpoint;
    every epoch's rows go to Parquet.  Returns a frame of all of them, for after the measuring."""
    out = os.path.join(scratch, "out")

    def write(epoch_rows, epoch):
        epoch_rows.write.mode("overwrite").parquet("%s/epoch=%d" % (out, epoch))

    query = (counted.writeStream.outputMode("update").foreachBatch(write)
             .option("checkpointLocation", os.path.join(scratch, "checkpoint"))
             .trigger(availableNow=True).start())
    query.awaitTermination()
    return out
