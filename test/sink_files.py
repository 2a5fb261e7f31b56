# SPDX-License-Identifier: Apache-2.0
"""What a file sink has committed. An epoch that was killed leaves files which no manifest names."""
import json
import os


def committed(folder):
    """Rows of the files that the sink's manifests list, each file once."""
    log = os.path.join(folder, "_spark_metadata")
    rows, seen = [], set()
    for epoch in os.listdir(log) if os.path.isdir(log) else []:
        if not epoch.split(".")[0].isdigit():
            continue
        with open(os.path.join(log, epoch), encoding="utf-8") as file:
            for line in file:
                if line.startswith("{"):
                    seen.add(os.path.basename(json.loads(line)["path"]))
    for name in seen:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            rows += [json.loads(line) for line in file]
    return rows
