# SPDX-License-Identifier: Apache-2.0
# A thin front for meson, ninja, tools/ and test/run. `make help` lists the targets.

BUILD ?= build
JOBS ?= $(shell nproc)
OPTIONS ?=
FUZZ_SECONDS ?= 60
PYTHON ?= python3

ifeq ($(DEVELOPER),1)
OPTIONS += -Ddeveloper=true
endif

# $(call build,DIR,OPTIONS,NINJA TARGETS): configure when needed, then build
build = @tools/configure $(1) $(2) && ninja -C $(1) -j $(JOBS) --quiet $(3)
SAN = -Dbuildtype=debug -Doptimization=1 -Db_lundef=false
ASAN = $(SAN) -Db_sanitize=address,undefined $(OPTIONS)
# librdkafka starts its threads by thrd_create, which the thread sanitizer does not know: it crashes
TSAN = $(SAN) -Db_sanitize=thread -Dkafka=disabled $(OPTIONS)
FUZZ = $(SAN) -Db_sanitize=address,undefined -Dfuzz=true -Dtests=false -Dmimalloc=disabled
EVERYTHING = all $$(ninja -C $(1) -t query tests >/dev/null 2>&1 && echo tests)

.DEFAULT_GOAL := all
.PHONY: all
all: ## build the program and the library (build/headrace, build/libheadrace.so, .a)
	$(call build,$(BUILD),$(OPTIONS),all)

.PHONY: demo
demo: deps ## install what is missing, build, and show it at work
	@$(MAKE) --no-print-directory all
	@exec $(BUILD)/headrace demo

.PHONY: deps
deps: ## install missing packages (apt-get, with sudo where needed)
	@tools/deps

.PHONY: tests
tests: ## build the program and the unit tests
	$(call build,$(BUILD),$(OPTIONS),$(call EVERYTHING,$(BUILD)))

.PHONY: test
test: deps ## install what is missing, build, run the tests (the last line counts them)
	@$(MAKE) --no-print-directory tests
	@$(PYTHON) test/run --build $(BUILD) -j $(JOBS) $(TEST)

.PHONY: check
check: tests ## the style and the fast tests: for every few minutes
	@$(PYTHON) tools/tidy
	@$(PYTHON) tools/callers
	@$(PYTHON) test/run --build $(BUILD) --fast -j $(JOBS) $(TEST)

.PHONY: check-all
check-all: tests ## everything: style, headers, all tests in all modes, sanitizers, out of memory
	@$(PYTHON) tools/tidy --headers
	@tools/docs --check
	@$(PYTHON) test/run --build $(BUILD) -j $(JOBS)
	@$(MAKE) --no-print-directory check-asan check-oom check-tsan

.PHONY: check-asan
check-asan: ## the tests under the address and undefined-behaviour sanitizers
	$(call build,build-asan,$(ASAN),$(call EVERYTHING,build-asan))
	@$(PYTHON) test/run --build build-asan -j $(JOBS) $(TEST)

.PHONY: check-tsan
check-tsan: ## the tests under the thread sanitizer
	$(call build,build-tsan,$(TSAN),$(call EVERYTHING,build-tsan))
	@$(PYTHON) test/run --build build-tsan -j $(JOBS) $(TEST)

# Without the libraries that need not be there. Threads and forks under emulation are left out.
ARM64 = --cross-file tools/arm64.ini -Dauto_features=disabled $(OPTIONS)
ARM64_TESTS = base_str base_decimal base_datetime base_memory column_type column_batch \
    state_table state_lists format_json format_csv

.PHONY: check-arm64
check-arm64: ## the library for arm64, and tests of what depends on the processor, emulated
	@tools/deps --arm64
	$(call build,build-arm64,$(ARM64),$(ARM64_TESTS:%=test/unit/test_%))
	@for t in $(ARM64_TESTS); do \
	    echo "test_$$t (arm64)"; \
	    HR_TEST_TIMEOUT=600 qemu-aarch64 build-arm64/test/unit/test_$$t >build-arm64/$$t.log 2>&1 \
	        || { cat build-arm64/$$t.log; exit 1; }; \
	done

.PHONY: campaign
campaign: tests ## what breaks things, over many seeds, and planted bugs: docs/RELIABILITY.md gets the ledger
	@$(PYTHON) tools/campaign --build $(BUILD) --write

.PHONY: check-oom
check-oom: ## every allocation fails once: unit tests test_oom_*.c under the address sanitizer
	$(call build,build-asan,$(ASAN),$(call EVERYTHING,build-asan))
	@$(PYTHON) test/run --build build-asan --suite unit --only test_oom_ -j $(JOBS)

FUZZERS = $(patsubst test/fuzz/fuzz_%.c,%,$(sort $(wildcard test/fuzz/fuzz_*.c)))

.PHONY: check-fuzz
check-fuzz: $(FUZZERS:%=fuzz-%) ## each fuzzer for FUZZ_SECONDS (60)

.PHONY: $(FUZZERS:%=fuzz-%) fuzz-build
fuzz-build:
	@CC=clang tools/configure build-fuzz $(FUZZ) && ninja -C build-fuzz -j $(JOBS) --quiet

# fuzz-sql, fuzz-json, ...: one fuzzer. New finds go to build-fuzz/corpus; crashes stay in build-fuzz
$(FUZZERS:%=fuzz-%): fuzz-%: fuzz-build
	@mkdir -p build-fuzz/corpus/$* test/fuzz/corpus/$*
	@echo "fuzz-$*: $(FUZZ_SECONDS) s"
	@build-fuzz/test/fuzz/fuzz_$* -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 \
	    -artifact_prefix=build-fuzz/$*- -print_final_stats=0 -verbosity=1 \
	    $$(test -f test/fuzz/$*.dict && echo -dict=test/fuzz/$*.dict) \
	    build-fuzz/corpus/$* test/fuzz/corpus/$* 2>build-fuzz/$*.log \
	    && tail -n 1 build-fuzz/$*.log || { tail -n 60 build-fuzz/$*.log; exit 1; }

bench = test -x bench/$(1) || { echo "bench/$(1) is not there yet" >&2; exit 1; }; \
    HEADRACE=$(abspath $(BUILD))/headrace bench/$(1)

.PHONY: bench
bench: all ## the benchmarks of bench/
	@ninja -C $(BUILD) benches >/dev/null
	@$(call bench,run) --build $(BUILD) $(BENCH)

.PHONY: bench-peers
bench-peers: all ## the same work in Spark, DuckDB and others, side by side
	@ninja -C $(BUILD) benches >/dev/null
	@$(call bench,peers/run) $(BENCH)

.PHONY: bench-kernels
bench-kernels: all ## the loops of src/kernel by instruction set, against their floors
	@ninja -C $(BUILD) benches >/dev/null
	@$(call bench,run) --build $(BUILD) --only kernels $(BENCH)

.PHONY: style
style: ## the house rules (tools/tidy), and where clang-format would differ
	@$(PYTHON) tools/tidy
	@tools/format --check

.PHONY: style-fix
style-fix: ## clang-format for the files changed since HEAD, or FILES=...
	@tools/format $(FILES)

.PHONY: docs
docs: ## the reference pages from the tables in the source; HTML of the headers (Doxygen)
	@tools/docs
	@tools/deps --docs
	@mkdir -p build/docs
	@doxygen docs/Doxyfile && echo "build/docs/html/index.html"

.PHONY: install
install: all ## install into PREFIX (/usr/local); DESTDIR is honoured
	@meson configure $(BUILD) -Dprefix=$(or $(PREFIX),/usr/local)
	@meson install -C $(BUILD) --quiet
	@tools/install-manual $(BUILD)/headrace $(DESTDIR)$(or $(PREFIX),/usr/local)

.PHONY: clean
clean: ## remove the build directories
	@rm -rf $(BUILD) build-asan build-tsan build-fuzz

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/    make \1\t\2/p' Makefile | expand -t 26
	@echo "    make fuzz-NAME        one fuzzer: $(or $(FUZZERS),none yet)"
	@echo "Variables: BUILD=build JOBS=$(JOBS) DEVELOPER=1 TEST='--only PATTERN' FUZZ_SECONDS=60"
