# Everything a developer types. "make" alone says what there is.

GO       ?= go
TOOL     := $(GO) tool -modfile=tools/go.mod
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
FUZZTIME ?= 10s
BENCH    ?= .
TIMES    ?= 20
ROUNDS   ?= 1000
SEED     ?=
PRESSES  ?= 5000
# Which sixth of the crash tests' walk "make test" goes: the next one with each
# commit that could matter to it.
COMMITS   = $(shell git rev-list --count HEAD -- bridge store 2>/dev/null || echo 0)
WALK     ?= $(shell expr $(COMMITS) % 6 + 1)/6
PREFIX   ?= /usr/local
DESTDIR  ?=

.DEFAULT_GOAL := help

.PHONY: help
help: ## Say what the targets do
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build ./bin/authbridge (no C, no paths of this machine in it)
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/authbridge ./cmd/authbridge

.PHONY: demo
demo: build ## See the whole story on this machine, in a minute: no accounts, no network
	@bin/authbridge demo

.PHONY: install
install: build ## Install the binary, man pages and completions below PREFIX (/usr/local); DESTDIR goes before it
	scripts/install bin/authbridge '$(DESTDIR)$(PREFIX)'

.PHONY: need
need: # What the tests need besides Go; installs it on Debian
	@scripts/need cc chromium axe

.PHONY: test
test: need ## Run all tests with the race detector; installs on Debian what they need
	AUTHBRIDGE_WALK=$(WALK) $(GO) test -race ./...

.PHONY: walk
walk: ## Crash at every step, and twice in a row, and break every commit, of every story; make test goes a sixth of it
	$(GO) test -count=1 -timeout 20m -run '^Test(CrashAtEveryStep|EveryCommit(InDoubt|Refused)|TwoCrashesInOneStory)$$' ./bridge

.PHONY: race
race: ## Run all tests afresh with the race detector, in random order; installs nothing
	$(GO) test -race -count=1 -shuffle=on ./...

.PHONY: e2e
e2e: need ## Run the end-to-end tests alone: real binary, real browser, real provider
	$(GO) test -race -count=1 ./e2e/...

.PHONY: soak
soak: ## Kill the bridge ROUNDS (1000) times; SEED=N makes the plan of an earlier run again
	AUTHBRIDGE_KILL_ROUNDS=$(ROUNDS) AUTHBRIDGE_KILL_SEED=$(SEED) \
		$(GO) test -count=1 -timeout 2h -v -run TestKilled ./e2e/kill

.PHONY: slack-soak
slack-soak: ## Press 5,000 times (PRESSES) while Slack rotates its sockets, and as often while it also cuts some
	AUTHBRIDGE_SLACK_PRESSES=$(PRESSES) $(GO) test -race -count=1 -v -run '^TestSoak' ./adapters/slack

.PHONY: discord-soak
discord-soak: ## Press 5,000 times (PRESSES) while Discord asks for new connections, and as often while it also ends some
	AUTHBRIDGE_DISCORD_PRESSES=$(PRESSES) $(GO) test -race -count=1 -v -run '^TestSoak' ./adapters/discord

.PHONY: slack-cards
slack-cards: ## Lay out 10,000 cards made by chance, each held to what Slack takes; make test makes fewer
	$(GO) test -count=1 -v -run '^TestBehaviour08' ./adapters/slack -cards 10000

.PHONY: slack-by-hand
slack-by-hand: ## Run a stand-in for Slack to try a bridge with; you are its people
	@$(GO) test -c -o bin/slack-by-hand ./adapters/slack/slacktest
	@bin/slack-by-hand -test.run '^TestByHand$$' -test.timeout 0 -hand

.PHONY: races
races: ## Run the race suite TIMES (20) times in a row, with the race detector
	$(GO) test -race -count=$(TIMES) -timeout 2h ./bridge -run \
		'^Test(ManyActAtOnce|RacesInBothOrders|TheEndOfAGrant|CollectAtTheMoment|TheSameThing|NoGoroutineIsLeft)'

.PHONY: scale
scale: ## Run what is promised about 100,000 waiting requests, at that number
	$(GO) test -count=1 -timeout 10m -run '^TestACrowdOfRequests$$' -v ./bridge -crowd 100000

.PHONY: bench
bench: ## Run the benchmarks (BENCH=regexp picks some)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 30m ./...

.PHONY: bench-1m
bench-1m: ## Run the benchmarks of a million pending requests: 15 minutes, 3 GB of disk
	BENCH_PENDING=100000,1000000 BENCH_RESTART=1000000 \
		$(GO) test -run '^$$' -bench '^Benchmark(Polls|Restart)$$' -timeout 1h ./bench

.PHONY: fuzz
fuzz: ## Fuzz every target for FUZZTIME (10s)
	scripts/fuzz $(FUZZTIME)

.PHONY: fmt
fmt: ## Format the code (gofumpt)
	$(TOOL) gofumpt -w .

.PHONY: vet
vet: ## Run go vet
	$(GO) vet ./...

.PHONY: lint
lint: ## Run golangci-lint (built from tools/go.mod; the first time takes minutes)
	$(TOOL) golangci-lint run ./...

.PHONY: gen
gen: ## Regenerate generated files
	$(GO) generate ./...

.PHONY: verify
verify: ## Check that generated files, go.mod, tools/go.mod and the format are as they should be
	scripts/check-generated
	$(GO) mod tidy -diff
	$(GO) -C tools mod tidy -diff
	scripts/check-format
