# What people do with this tree. `make help` lists the targets; each works from a clean clone.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

CARGO ?= cargo
NPM ?= npm

# Where cargo builds, so that a caller's own directory is respected.
TARGET := $(or $(CARGO_TARGET_DIR),target)
BINARY := $(TARGET)/release/stompline

# More flags for `make run`: make run ARGS="--listen 127.0.0.1:9000"
ARGS ?=

# The lock file that npm leaves in node_modules says that the installation is as package-lock.json wants it.
WEB_MODULES := web/node_modules/.package-lock.json
E2E_MODULES := e2e/node_modules/.package-lock.json
PEER_MODULES := bench/peer/node_modules/.package-lock.json

# The pages are embedded in the executable; they are built again only when one of these has changed.
PAGES := web/desk/dist/index.html web/landing/dist/index.html web/widget/dist/index.html
WEB_SOURCES := $(shell find web -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -name '*.md')

.PHONY: help
help: ## Say what there is
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -ts $$'\t'

.PHONY: run
run: build ## Build and start a demonstration, and print its address
	exec $(BINARY) serve --demo $(ARGS)

.PHONY: run-cluster
run-cluster: build needs-services needs-postgres ## The same on two nodes, with Redis and PostgreSQL, behind a proxy; PORT=8080 for a port of your own
	STOMPLINE_BIN=$(abspath $(BINARY)) exec node scripts/run-cluster.mjs

.PHONY: build
build: web ## Build the executable, with the pages in it
	$(CARGO) build --locked --release -p stompline-server

.PHONY: web
web: $(PAGES) ## Build the pages

.PHONY: test
test: needs-tools needs-services needs-postgres ## Run every test: Rust, TypeScript, then real clients against the built executable
	$(MAKE) test-web
	$(MAKE) test-rust
	$(MAKE) test-e2e

.PHONY: test-rust
test-rust: needs-cargo needs-services needs-postgres web ## Run the tests of the crates
	$(CARGO) test --locked --workspace

.PHONY: test-web
test-web: $(WEB_MODULES) ## Check the types of the pages and run their tests
	cd web && $(NPM) run check && $(NPM) test

.PHONY: test-e2e
test-e2e: build needs-services needs-postgres $(E2E_MODULES) ## Run stompjs, sockjs-client and a browser against the executable
	cd e2e && STOMPLINE_BIN=$(abspath $(BINARY)) $(NPM) run test:node
	cd e2e && STOMPLINE_BIN=$(abspath $(BINARY)) $(NPM) run test:browser

.PHONY: check
check: needs-cargo ## Look for what a review would find first: format, lints, the quick tests, instructions
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) test --locked --workspace --lib --bins
	$(MAKE) bench-check

.PHONY: bench
bench: build $(PEER_MODULES) ## Measure against RabbitMQ and Node, and write docs/performance.md; QUICK=1 for one short round
	$(CARGO) build --locked --release -p stompline-load
	$(CARGO) build --locked --release -p stompline --example broker --example direct
	node bench/run.mjs $(TARGET)/release

.PHONY: bench-check
bench-check: needs-cargo ## Fail if something takes over 10 % more instructions than it did
	@if command -v valgrind >/dev/null; then $(CARGO) bench --locked -p stompline-load --bench instructions -- check; \
	else echo "bench-check: skipped, because valgrind is missing (apt-get install valgrind)"; fi

.PHONY: fmt
fmt: needs-cargo ## Format the Rust code
	$(CARGO) fmt --all

.PHONY: audit
audit: needs-cargo ## Check licences, banned crates and sources of the dependencies
	@scripts/need cargo-deny "cargo install --locked cargo-deny"
	$(CARGO) deny --workspace --all-features check licenses bans sources

.PHONY: clean
clean: ## Remove what was built and installed; the data directory stays
	$(CARGO) clean
	rm -rf web/node_modules web/*/dist e2e/node_modules e2e/artifacts

# The pages come out of one run, so they share one rule.
$(PAGES) &: $(WEB_SOURCES) $(WEB_MODULES)
	cd web && $(NPM) run build
	touch $(PAGES)

$(WEB_MODULES) $(E2E_MODULES) $(PEER_MODULES): %/node_modules/.package-lock.json: %/package.json %/package-lock.json | needs-node
	cd $* && $(NPM) ci --no-audit --no-fund
	touch $@

.PHONY: needs-tools needs-cargo needs-node needs-services needs-postgres
needs-tools: needs-cargo needs-node

needs-cargo:
	@scripts/need $(CARGO) "see https://rustup.rs; rust-toolchain 1.95 or newer"
	@scripts/need cc "sudo apt-get install -y build-essential"

needs-node:
	@scripts/need node "Node 20.19 or newer: https://nodejs.org/en/download"
	@scripts/need $(NPM) "Node 20.19 or newer: https://nodejs.org/en/download"

# Programs that tests drive or start: a browser, the proxies that docs/proxy is for, and Redis.
needs-services:
	@scripts/need-package chromium chromium
	@scripts/need-package nginx nginx
	@scripts/need-package haproxy haproxy
	@scripts/need-package redis-server redis-server

# Debian keeps the server's programs out of the path; this one comes with them.
needs-postgres:
	@scripts/test-postgres --find >/dev/null 2>&1 || scripts/need-package pg_ctlcluster postgresql
