#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""grep, word count and top-k as classic Spark Streaming (DStreams): one JSON line a program.

    bench/peers/spark_dstream.py [--mib N] [--warm N] [--batches N] [--storage LEVEL]
                                 [--program NAME]… [--memory SIZE]

Compiles SparkDStream.java against PySpark's jars and runs it, one JVM a program.  The programs, the
input and the answers are those of bench/bench_dstream.c.
"""
import argparse
import glob
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import peer  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = ("grep", "wordcount", "topk")
# What Spark's own launcher opens for Java 17 (org.apache.spark.launcher.JavaModuleOptions).
OPENS = ("java.lang java.lang.invoke java.lang.reflect java.io java.net java.nio java.util "
         "java.util.concurrent java.util.concurrent.atomic jdk.internal.ref sun.nio.ch sun.nio.cs "
         "sun.security.action sun.util.calendar").split()


def java_options(memory, classes, jars):
    return (["-Xmx" + memory, "-Xms" + memory]
            + ["--add-opens=java.base/%s=ALL-UNNAMED" % name for name in OPENS]
            + ["-cp", classes + ":" + os.path.join(jars, "*")])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=64)
    parser.add_argument("--warm", type=int, default=35)
    parser.add_argument("--batches", type=int, default=10)
    parser.add_argument("--storage", default="MEMORY_ONLY")
    parser.add_argument("--program", action="append", choices=PROGRAMS)
    parser.add_argument("--memory", default="4g")
    args = parser.parse_args()
    peer.enter_venv()
    jars = glob.glob(os.path.join(sys.prefix, "lib", "python3*", "site-packages", "pyspark",
                                  "jars"))[0]
    scratch = tempfile.mkdtemp(prefix="spark-dstream.")
    environment = dict(os.environ, SPARK_LOCAL_IP="127.0.0.1", SPARK_LOCAL_DIRS=scratch)
    subprocess.run(["javac", "-nowarn", "-cp", os.path.join(jars, "*"), "-d", scratch,
                    os.path.join(HERE, "SparkDStream.java")], check=True, stderr=subprocess.PIPE)
    records = args.mib * 1024 * 1024 // 100
    log = os.path.join(scratch, "spark.log")       # what Java has to say; stays on failure
    for program in args.program or PROGRAMS:
        with open(log, "ab") as errors:
            command = (["java", "-Djava.io.tmpdir=" + scratch]
                       + java_options(args.memory, scratch, jars)
                       + ["SparkDStream", program, str(records), str(args.warm),
                          str(args.batches), args.storage])
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=errors,
                                  text=True)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if done.returncode or not lines:
            sys.exit("spark_dstream: %s failed, see %s" % (program, log))
        print(lines[-1], flush=True)
    shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
