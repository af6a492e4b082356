# One Makefile for everything. `make help` lists the targets.
#
#   BUILD=dir      where objects and programs go (build)
#   CFLAGS=…       how to compile (-O2 -g); WERROR=1 makes warnings errors
#   V=1            show the commands
#   PREFIX, DESTDIR, SYSCONFDIR: see install

RELEASE := 0.1
VERSION := $(RELEASE)$(if $(wildcard .git),$(addprefix +g,$(shell git -c safe.directory='*' rev-parse --short HEAD 2>/dev/null)))

BUILD      ?= build
PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
CC         ?= cc
PYTHON     ?= /usr/bin/python3
JOBS       := $(shell nproc 2>/dev/null || echo 1)

# Debian's packages: to build, to show it, to test it, to fuzz it.
BUILD_DEPS := gcc libc6-dev libcjson-dev libconfig-dev libcurl4-openssl-dev \
	libdeflate-dev libmicrohttpd-dev libnghttp2-dev libpaho-mqtt-dev libprotobuf-c-dev \
	libsnappy-dev libsqlite3-dev libssl-dev libsystemd-dev libzstd-dev \
	protobuf-c-compiler zlib1g-dev
DEMO_DEPS  := mosquitto mosquitto-clients
TEST_DEPS  := chromium clang-format faketime firefox-esr fonts-dejavu-core influxdb \
	libcmocka-dev libmodbus-dev libxml2-utils mosquitto mosquitto-clients \
	nghttp2-server nginx-light nodejs openssh-client openssh-server openssl procps \
	prometheus python3 python3-aiosmtpd python3-feedparser python3-h2 \
	python3-jsonschema python3-pymodbus python3-pytest python3-pytest-xdist \
	python3-serial python3-serial-asyncio python3-websockets socat tinyproxy vsftpd
BENCH_DEPS := mosquitto util-linux wrk
FUZZ_DEPS  := clang libclang-rt-14-dev python3

ROOMS := core config store sensors derive alerts outputs web gateway
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla
LIBS := -lpaho-mqtt3as -lcurl -lsqlite3 -lmicrohttpd -lconfig -lcjson -lnghttp2 -lssl \
	-lcrypto -ldeflate -lprotobuf-c -lsnappy -lsystemd -lz -lzstd -lm -lpthread

override CFLAGS   += -std=c11 $(WARN) $(SANITIZE) -fno-strict-aliasing -pthread
override CPPFLAGS += -D_GNU_SOURCE -I. -I$(BUILD) -I/usr/include/modbus

SOURCES := $(foreach room,$(ROOMS),$(wildcard $(room)/*.c))
PROTOS  := $(patsubst %.proto,$(BUILD)/%.pb-c.o,$(foreach room,$(ROOMS),$(wildcard $(room)/*.proto)))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY := $(BUILD)/libmuabui.a
PROGRAM := $(BUILD)/muabui
UNIT    := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*_test.c))
BENCH   := $(addprefix $(BUILD)/bench/,publish null_client sink fill_store)
PUSH    := $(addprefix $(BUILD)/bench/,push_server fill_push bench_push)
FUZZ    := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*.c))
# As many jobs as processors, unless make was told.
PARALLEL = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))
ifndef V
Q := @
endif

# --- building ---------------------------------------------------------------------

all: $(PROGRAM) ## build the program

# Other flags than last time: everything is made anew. Another version: what names it.
define remember
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(1))' >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
endef
$(BUILD)/flags: FORCE
	$(call remember,$(CC) $(CPPFLAGS) $(CFLAGS))
$(BUILD)/version: FORCE
	$(call remember,$(VERSION))

VERSIONED := $(patsubst %.c,$(BUILD)/%.o,$(shell grep -l MUABUI_VERSION $(SOURCES)))
$(VERSIONED): private override CPPFLAGS += -DMUABUI_VERSION='"$(VERSION)"'
$(VERSIONED): $(BUILD)/version

$(PROGRAM): $(BUILD)/gateway/main.o $(LIBRARY)
	@echo "  LD   $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(LIBRARY): $(filter-out $(BUILD)/gateway/main.o,$(OBJECTS)) $(PROTOS)
	@echo "  AR   $@"
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/%.o: %.c $(BUILD)/flags
	@echo "  CC   $<"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(if $(WERROR),-Werror) -MMD -MP -c -o $@ $<

# Messages described in .proto files become C here.
$(BUILD)/%.pb-c.c $(BUILD)/%.pb-c.h: %.proto
	@echo "  PB   $<"
	@mkdir -p $(BUILD)
	$(Q)protoc-c --c_out=$(BUILD) $<
$(PROTOS): %.o: %.c $(BUILD)/flags
	@echo "  CC   $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
.SECONDARY: $(PROTOS:.o=.c) $(PROTOS:.o=.h)
$(BUILD)/sensors/format_sparkplug.o: $(BUILD)/sensors/sparkplug.pb-c.h
$(BUILD)/outputs/prometheus_text.o: $(BUILD)/outputs/remote_write.pb-c.h

$(BUILD)/unit/%: tests/unit/%.c $(LIBRARY)
	@echo "  TEST $@"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(if $(WERROR),-Werror) $(LDFLAGS) -MMD -MP -o $@ $< \
		$(LIBRARY) -lcmocka -lmodbus $(LIBS)

$(BUILD)/bench/%: tests/bench/%.c
	@echo "  CC   $@"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< -lpaho-mqtt3as -lz -lpthread

$(BUILD)/bench/push_server: tests/bench/push_server.c
	@echo "  CC   $@"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< -lnghttp2 -lssl -lcrypto

$(addprefix $(BUILD)/bench/,fill_store fill_push bench_push): \
$(BUILD)/bench/%: tests/bench/%.c $(LIBRARY)
	@echo "  CC   $@"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LIBRARY) $(LIBS)

$(BUILD)/fuzz/%: tests/fuzz/%.c $(LIBRARY)
	@echo "  FUZZ $@"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -MMD -MP -o $@ $< \
		$(LIBRARY) $(LIBS)

# The files of the page are taken in by the assembler (.incbin), which names no dependency.
$(BUILD)/web/asset.o: $(wildcard web/page/*)
$(BUILD)/web/openapi.o: web/openapi.json

# --- what it needs ----------------------------------------------------------------

# dpkg is asked only when this file has changed since.
build/deps-%: Makefile tests/deps
	@tests/deps $($*)
	@mkdir -p $(@D) && touch $@

deps: build/deps-BUILD_DEPS build/deps-DEMO_DEPS build/deps-TEST_DEPS ## install what is missing (Debian)

# --- showing and testing ----------------------------------------------------------

demo: build/deps-BUILD_DEPS build/deps-DEMO_DEPS ## the gateway with simulated sensors; DEMO_SECONDS=N ends it
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@MUABUI=$(PROGRAM) tests/demo/run

check: deps ## everything that must hold before a change goes in
	@$(MAKE) --no-print-directory $(PARALLEL) WERROR=1 all $(UNIT)
	@$(MAKE) --no-print-directory WERROR=1 lint
	@$(MAKE) --no-print-directory WERROR=1 unit
	@$(MAKE) --no-print-directory WERROR=1 pairs
	@$(MAKE) --no-print-directory WERROR=1 scenarios
	@$(MAKE) --no-print-directory WERROR=1 browser
	@echo "check: everything passed (muabui $(VERSION))"

unit: $(UNIT) ## the unit tests, under a minute
	@tests/unit/run $(UNIT)

pairs: $(PROGRAM) ## configurations and what is said of them
	@MUABUI=$(PROGRAM) tests/config/run

# They wait more than they work: WORKERS at a time, then those that measure time or load.
WORKERS  ?= 4
SCENARIO  = MUABUI=$(abspath $(PROGRAM)) PYTHONDONTWRITEBYTECODE=1 \
	$(PYTHON) -m pytest -q -p no:cacheprovider tests/scenarios
scenarios: $(PROGRAM) $(addprefix $(BUILD)/bench/,fill_store sink push_server fill_push) ## the real program against real brokers, servers and ports
	@$(SCENARIO) -m 'not alone' -n $(WORKERS) --dist loadfile
	@$(SCENARIO) -m alone

browser: $(PROGRAM) ## the citizens' page in Chromium and Firefox
	@MUABUI=$(abspath $(PROGRAM)) PYTHONDONTWRITEBYTECODE=1 \
		$(PYTHON) -m pytest -q -p no:cacheprovider -n 2 --dist loadfile tests/browser

# Node's own npm, or Debian's, which would throw out a Node of another source.
audit: $(PROGRAM) deps ## Lighthouse and axe on the page, with a report
	@command -v npm >/dev/null || tests/deps npm
	@mkdir -p $(BUILD)/audit && cp tests/browser/audit/package*.json $(BUILD)/audit
	@cd $(BUILD)/audit && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@MUABUI=$(abspath $(PROGRAM)) PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/browser/audit/run.py $(BUILD)/audit

lint: ## formatting, floors, calls, headers
	@CC="$(CC)" CPPFLAGS="$(CPPFLAGS)" CFLAGS="$(CFLAGS)" tests/lint/run

SANITIZED = $(MAKE) --no-print-directory $(PARALLEL) BUILD=build-$@ CFLAGS='-O1 -g' \
	SANITIZE='-fsanitize=$(1) -fno-omit-frame-pointer'
TESTS_IN  = $(MAKE) --no-print-directory BUILD=build-$@ CFLAGS='-O1 -g' \
	SANITIZE='-fsanitize=$(1) -fno-omit-frame-pointer' unit pairs scenarios

asan: export SLOW ?= 3
asan: deps ## the tests with AddressSanitizer and UndefinedBehaviorSanitizer
	@$(call SANITIZED,address$(COMMA)undefined) all $(patsubst $(BUILD)/%,build-asan/%,$(UNIT))
	@SLOW=3 LSAN_OPTIONS=suppressions=$(CURDIR)/tests/lsan.supp:print_suppressions=0 \
		UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 $(call TESTS_IN,address$(COMMA)undefined)
	@echo "asan: everything passed"

tsan: export SLOW ?= 4
tsan: deps ## the tests with ThreadSanitizer
	@$(call SANITIZED,thread) all $(patsubst $(BUILD)/%,build-tsan/%,$(UNIT))
	@SLOW=3 TSAN_OPTIONS="second_deadlock_stack=1 $(TSAN_OPTIONS)" \
		$(call TESTS_IN,thread)
	@echo "tsan: everything passed"

FUZZ_SECONDS ?= 30
fuzz: build/deps-BUILD_DEPS build/deps-FUZZ_DEPS ## libFuzzer on every parser that meets the outside, FUZZ_SECONDS=30 each
	@$(MAKE) --no-print-directory $(PARALLEL) BUILD=build-fuzz CC=clang CFLAGS='-O1 -g' \
		SANITIZE='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all' fuzz-targets
	@tests/fuzz/run $(FUZZ_SECONDS) $(patsubst $(BUILD)/%,build-fuzz/%,$(FUZZ))
fuzz-targets: $(FUZZ)

# What takes long: how often, or how many.
KILLS   ?= 200
UNPLUGS ?= 100
FILES   ?= 10000
SERIES  ?= 100000
RATE    ?= 2000
FLIPS   ?= 1000
CRASHES ?= 10000
SUBSCRIBERS ?= 100000
COUNTS  = SUBSCRIBERS=$(SUBSCRIBERS) KILLS=$(KILLS) RATE=$(RATE) FLIPS=$(FLIPS) UNPLUGS=$(UNPLUGS) FILES=$(FILES) SERIES=$(SERIES)
torture: check ## what takes long: crashes, unplugs, station files, a day's outage, fuzzing (KILLS=200 FILES=10000 …)
	@DAMAGE_FRAMES=1000000 $(BUILD)/unit/damage_test
	@MODEL_RUNS=$(CRASHES) $(BUILD)/unit/model_test
	@$(COUNTS) $(MAKE) --no-print-directory scenarios
	@OUTAGE_REPORTS=2160000 OUTAGE_RATE=100000 MUABUI=$(abspath $(PROGRAM)) $(PYTHON) -m pytest -q \
		-s -p no:cacheprovider tests/scenarios/test_outage.py
	@$(MAKE) --no-print-directory audit
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=600

bench: all $(BENCH) ## CPU per message beside a do-nothing client, memory, alert latency
	BUILD=$(BUILD) $(PYTHON) tests/bench/bench.py

bench-web: all build/deps-BENCH_DEPS ## 2,000 requests a second beside 500 readings, on one core
	BUILD=$(BUILD) $(PYTHON) tests/bench/bench_web.py

bench-push: all $(PUSH) ## Web Push per core, beside ECDH of the same core and npm's web-push
	BUILD=$(BUILD) $(PYTHON) tests/bench/bench_push.py

# --- installing -------------------------------------------------------------------

UNITS := $(PREFIX)/lib/systemd/system
SHARE := $(PREFIX)/share/muabui
INSTALLED := $(PREFIX)/bin/muabui $(UNITS)/muabui.service $(PREFIX)/lib/sysusers.d/muabui.conf \
	$(PREFIX)/lib/tmpfiles.d/muabui.conf $(PREFIX)/share/man/man8/muabui.8 \
	$(SYSCONFDIR)/muabui/muabui.conf.example $(SYSCONFDIR)/muabui/devices \
	$(SYSCONFDIR)/muabui/presets
EMPTY :=
COMMA := ,

# A file that names places of this installation.
define install_filled
	install -D -m 0644 $(1) $(DESTDIR)$(2)
	sed -i -e 's|/usr/bin/muabui|$(PREFIX)/bin/muabui|' -e 's|/etc/muabui|$(SYSCONFDIR)/muabui|' \
		$(DESTDIR)$(2)
endef

install: all ## program, service, manual, example; DESTDIR= PREFIX=/usr/local SYSCONFDIR=/etc
	install -D -m 0755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/muabui
	install -D -m 0644 docs/muabui.8 $(DESTDIR)$(PREFIX)/share/man/man8/muabui.8
	install -D -m 0644 config/muabui.conf.example \
		$(DESTDIR)$(SYSCONFDIR)/muabui/muabui.conf.example
	install -D -m 0644 systemd/sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/muabui.conf
	$(call install_filled,systemd/tmpfiles.conf,$(PREFIX)/lib/tmpfiles.d/muabui.conf)
	$(call install_filled,systemd/muabui.service,$(UNITS)/muabui.service)
	install -D -m 0644 -t $(DESTDIR)$(SHARE)/examples config/*.conf.example
	install -d $(DESTDIR)$(SHARE)/devices
	install -m 0644 config/devices/* $(DESTDIR)$(SHARE)/devices
	ln -sfn $(SHARE)/devices $(DESTDIR)$(SYSCONFDIR)/muabui/devices
	install -d $(DESTDIR)$(SHARE)/presets
	install -m 0644 config/presets/* $(DESTDIR)$(SHARE)/presets
	ln -sfn $(SHARE)/presets $(DESTDIR)$(SYSCONFDIR)/muabui/presets

uninstall: ## remove what install brought; configuration and data stay
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	rm -rf $(DESTDIR)$(SHARE)

dist: ## muabui-VERSION.tar.gz of what is committed
	git archive --prefix=muabui-$(VERSION)/ HEAD | gzip -9n >muabui-$(VERSION).tar.gz

clean: ## remove what was built
	rm -rf build build-*

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 14

.PHONY: all deps demo check unit pairs scenarios browser audit lint asan tsan fuzz fuzz-targets torture bench bench-web bench-push \
	install uninstall dist clean help FORCE
-include $(OBJECTS:.o=.d) $(UNIT:=.d) $(FUZZ:=.d)
