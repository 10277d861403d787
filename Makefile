# The development tasks of this repository. `make` lists them.
# No target sets RUSTFLAGS, because cargo builds everything again when they change. The exception is `make coverage`, which
# has its own build folder.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# rustup installs cargo in this folder, which may not be in the PATH of the current shell yet.
export PATH := $(PATH):$(HOME)/.cargo/bin
TOOLS := .tools/venv/bin
CINEMA := target/debug/cinema
# Prints the OpenAPI document. It runs in docs/ and with `env -i`, so that neither a .env file in the root folder nor the
# developer's environment changes the result.
OPENAPI := cd docs && env -i PUBLIC_URL=http://127.0.0.1:8000 ../$(CINEMA) openapi

RUST_HINT := Rust is not installed. Get it from https://rustup.rs (it then picks the version in rust-toolchain.toml), or: apt-get install rustup

.PHONY: help
help: ## show this list
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
test: rust ## run all tests (SKIP_POSTGRES=1, SKIP_REDIS=1, SKIP_S3=1, SKIP_MAIL=1 skip those that need the service)
	@scripts/setup.sh postgres
	@scripts/setup.sh redis
	@scripts/setup.sh s3
	@scripts/setup.sh mail
	@scripts/test.sh

.PHONY: coverage
coverage: rust ## measure the line coverage of the tests; writes coverage/html/index.html
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
lint: lint-rust lint-files lint-generated ## check formatting, clippy, rustdoc, licences, containers, manifests, scripts, generated files

.PHONY: lint-rust
lint-rust: rust
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy -p domain --features serde --lib --test serialization --locked -- -D warnings
	# With --examples, the dependencies have the same features as for clippy, so cargo reuses their results. Without it, half
	# of the dependencies would be checked again.
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

# The generated files in the repository must equal the output of the program.
.PHONY: lint-generated
lint-generated: build
	diff -u docs/problems.md <($(CINEMA) dev problems) || { echo 'docs/problems.md is out of date: run `make openapi`' >&2; exit 1; }
	diff -u openapi.json <($(OPENAPI)) || { echo 'openapi.json is out of date: run `make openapi`' >&2; exit 1; }

.PHONY: openapi
openapi: build ## regenerate openapi.json and docs/problems.md
	($(OPENAPI)) > openapi.json.new
	mv openapi.json.new openapi.json
	$(CINEMA) dev problems > docs/problems.md.new
	mv docs/problems.md.new docs/problems.md

.PHONY: doc
doc: rust ## build the crates' documentation, in target/doc
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked

.PHONY: fuzz
fuzz: build ## fuzz a running server with schemathesis and its OpenAPI document
	@scripts/setup.sh tools
	$(TOOLS)/python scripts/fuzz.py $(CINEMA)

.PHONY: chaos
chaos: build ## buy and refund movies while servers, PostgreSQL and a fake Stripe fail, then check that all amounts agree (SEED=…, CHAOS_SECONDS=90)
	@env -u TEST_DATABASE_URL scripts/setup.sh postgres
	@if [ "$${SKIP_POSTGRES:-}" = 1 ]; then echo 'SKIP_POSTGRES=1: skipped the drill, which needs PostgreSQL.'; else \
	  python3 scripts/drills/chaos.py --seconds $${CHAOS_SECONDS:-90} $(if $(SEED),--seed $(SEED)); fi

.PHONY: drill
drill: build ## restore a backup that is older than some payments, and check that no payment is lost
	@scripts/setup.sh postgres
	python3 scripts/drills/restore.py

.PHONY: bench
bench: rust ## measure the speed on SQLite and PostgreSQL with 10,000 movies, compared with pgbench, and the sales report over 1,000,000 orders; writes docs/benchmarks.md
	@scripts/setup.sh bench
	cargo build --release --locked --package server --bin cinema
	python3 bench/run.py small target/release/cinema

.PHONY: bench-large
bench-large: rust ## measure the catalogue with 1,000,000 movies, and the sales report over 1,000,000 orders; writes docs/benchmarks.md
	@scripts/setup.sh bench
	cargo build --release --locked --package server --bin cinema
	python3 bench/run.py large target/release/cinema

.PHONY: docker-up
docker-up: ## start the server and all its services with Docker Compose
	docker compose -f docker/compose.yaml $(if $(wildcard .env),--env-file .env) up --build

.PHONY: docker-down
docker-down: ## stop the services of docker-up, and keep their data
	docker compose -f docker/compose.yaml $(if $(wildcard .env),--env-file .env) down
