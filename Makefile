# What one does with this repository. `make` alone lists it.
# No target sets RUSTFLAGS: one that did would have everything built again for the others. (`make coverage` does, in a folder of its own.)

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# rustup puts cargo here before a new shell knows of it.
export PATH := $(PATH):$(HOME)/.cargo/bin
TOOLS := .tools/venv/bin
CINEMA := target/debug/cinema
# The document as it is kept, whatever the developer's environment and .env say: nothing of either reaches it.
OPENAPI := cd docs && env -i PUBLIC_URL=http://127.0.0.1:8000 ../$(CINEMA) openapi

RUST_HINT := Rust is not installed. Get it from https://rustup.rs (it then picks the version in rust-toolchain.toml), or: apt-get install rustup

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null \
	  || sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1: \2/p' $(MAKEFILE_LIST)
	@command -v cargo >/dev/null || printf '\n%s\n' '$(RUST_HINT)'

.PHONY: rust
rust:
	@command -v cargo >/dev/null || { printf '%s\n' '$(RUST_HINT)' >&2; exit 1; }
	@command -v cc >/dev/null || { printf '%s\n' 'There is no C compiler (cc). Debian, Ubuntu: apt-get install build-essential' >&2; exit 1; }

.PHONY: setup
setup: rust ## install what tests, linters and benchmarks need (PostgreSQL, Redis, .tools, wrk)
	@scripts/setup.sh postgres
	@scripts/setup.sh redis
	@scripts/setup.sh s3
	@scripts/setup.sh mail
	@scripts/setup.sh tools
	@scripts/setup.sh bench
	cargo fetch --locked

.PHONY: run
run: rust ## build and serve http://127.0.0.1:8000 with a catalogue of real movies
	cargo run --release --locked --package server --bin cinema -- serve

.PHONY: build
build: rust
	cargo test --workspace --locked --no-run --quiet

.PHONY: test
test: rust ## every test (SKIP_POSTGRES=1, SKIP_REDIS=1, SKIP_S3=1, SKIP_MAIL=1 leave out what needs them)
	@scripts/setup.sh postgres
	@scripts/setup.sh redis
	@scripts/setup.sh s3
	@scripts/setup.sh mail
	@scripts/test.sh

.PHONY: coverage
coverage: rust ## which lines the tests reach; writes coverage/html/index.html
	@scripts/setup.sh postgres
	@scripts/setup.sh redis
	@scripts/setup.sh s3
	@scripts/setup.sh mail
	@scripts/setup.sh coverage
	@scripts/coverage.sh

.PHONY: fmt
fmt: rust ## format the code
	cargo fmt --all

.PHONY: lint
lint: lint-rust lint-files lint-generated ## formatting, clippy, rustdoc, licences, containers, manifests, scripts, generated files

.PHONY: lint-rust
lint-rust: rust
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy -p domain --features serde --lib --test serialization --locked -- -D warnings
	# With --examples the features are those of clippy: without, half of the dependencies are checked again.
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked --quiet --lib --bins --examples

.PHONY: lint-files
lint-files: rust
	@scripts/setup.sh tools
	cargo fetch --locked --quiet
	$(TOOLS)/cargo-deny --offline check bans licenses sources
	$(TOOLS)/hadolint docker/Dockerfile
	$(TOOLS)/yamllint --strict .github .hadolint.yaml .yamllint.yaml deploy docker
	$(TOOLS)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker/compose.yaml
	$(TOOLS)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/ci.yml
	$(TOOLS)/python scripts/lint_deploy.py
	$(TOOLS)/python scripts/lint_document.py
	$(TOOLS)/shellcheck .ci/run scripts/*.sh
	$(TOOLS)/ruff check --quiet bench data scripts

# What the program prints and the repository keeps must be the same.
.PHONY: lint-generated
lint-generated: build
	diff -u docs/problems.md <($(CINEMA) dev problems) || { echo 'docs/problems.md is out of date: run `make openapi`' >&2; exit 1; }
	diff -u openapi.json <($(OPENAPI)) || { echo 'openapi.json is out of date: run `make openapi`' >&2; exit 1; }

.PHONY: openapi
openapi: build ## write openapi.json and docs/problems.md anew
	($(OPENAPI)) > openapi.json.new
	mv openapi.json.new openapi.json
	$(CINEMA) dev problems > docs/problems.md.new
	mv docs/problems.md.new docs/problems.md

.PHONY: doc
doc: rust ## the crates' documentation, in target/doc
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked

.PHONY: fuzz
fuzz: build ## schemathesis against a running server, from its own OpenAPI document
	@scripts/setup.sh tools
	$(TOOLS)/python scripts/fuzz.py $(CINEMA)

.PHONY: chaos
chaos: rust ## buyers at two servers while these, PostgreSQL and a fake Stripe fail, then an audit of all money (SEED=…, CHAOS_SECONDS=60)
	@scripts/setup.sh postgres
	cargo build --locked --package server --package test-stripe --bins
	python3 scripts/drills/chaos.py --seconds $${CHAOS_SECONDS:-60} $(if $(SEED),--seed $(SEED))

.PHONY: drill
drill: rust ## restores a backup that is older than payments, and checks that no money is forgotten
	@scripts/setup.sh postgres
	cargo build --locked --package server --package test-stripe --bins
	python3 scripts/drills/restore.py

.PHONY: bench
bench: rust ## speed on SQLite and PostgreSQL beside pgbench, with 10,000 movies; writes docs/benchmarks.md
	@scripts/setup.sh bench
	cargo build --release --locked --package server --bin cinema
	python3 bench/run.py small target/release/cinema

.PHONY: bench-large
bench-large: rust ## speed of the catalogue with 1,000,000 movies, and of the sales report over 1,000,000 orders; writes docs/benchmarks.md
	@scripts/setup.sh bench
	cargo build --release --locked --package server --bin cinema
	python3 bench/run.py large target/release/cinema

.PHONY: docker-up
docker-up: ## the server with all that it uses under Docker Compose
	docker compose -f docker/compose.yaml $(if $(wildcard .env),--env-file .env) up --build

.PHONY: docker-down
docker-down: ## stop what docker-up started (its data stays)
	docker compose -f docker/compose.yaml $(if $(wildcard .env),--env-file .env) down
