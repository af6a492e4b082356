# One Makefile for everything. `make help` lists the targets.

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1)
BUILD   ?= build
PREFIX  ?= /usr/local
CC      ?= cc
PYTHON  ?= /usr/bin/python3

ROOMS := core config store sensors derive alerts outputs web gateway
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla
LIBS := -lpaho-mqtt3as -lcurl -lsqlite3 -lmicrohttpd -lmodbus -lconfig -lcjson -lcrypto \
	-lsystemd -lz -lm -lpthread

override CFLAGS   += -std=c11 $(WARN) $(SANITIZE) -fno-strict-aliasing -pthread
override CPPFLAGS += -D_GNU_SOURCE -DMUABUI_VERSION='"$(VERSION)"' -I. -I/usr/include/modbus

SOURCES := $(foreach room,$(ROOMS),$(wildcard $(room)/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY := $(BUILD)/libmuabui.a
UNIT    := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*_test.c))
ifndef V
Q := @
endif

all: $(BUILD)/muabui ## build the program

$(BUILD)/muabui: $(BUILD)/gateway/main.o $(LIBRARY)
	@echo "  LD   $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(LIBRARY): $(filter-out $(BUILD)/gateway/main.o,$(OBJECTS))
	@echo "  AR   $@"
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/%.o: %.c
	@echo "  CC   $<"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/unit/%: tests/unit/%.c $(LIBRARY)
	@echo "  TEST $@"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $< $(LIBRARY) -lcmocka $(LIBS)

# The files of the page are taken in by the assembler (.incbin), which names no dependency.
$(BUILD)/web/asset.o: $(wildcard web/page/*)

unit: $(UNIT) ## the unit tests, under a minute
	@set -e; for t in $(UNIT); do echo "== $$t"; $$t; done

BENCH := $(addprefix $(BUILD)/bench/,publish null_client sink)

$(BUILD)/bench/%: tests/bench/%.c
	@echo "  CC   $@"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< -lpaho-mqtt3as -lz -lpthread

bench: all $(BENCH) ## CPU per message beside a do-nothing client, memory, alert latency
	BUILD=$(BUILD) $(PYTHON) tests/bench/bench.py

clean: ## remove what was built
	rm -rf build build-*

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 16

.PHONY: all unit bench clean help
-include $(OBJECTS:.o=.d) $(UNIT:=.d)
