# `make` lists what there is to make.

GOLANGCI := go tool -modfile=tools/go.mod golangci-lint
HLS      := web/assets/vendor/hls.min.js
# The real S3-compatible server of the tests.
S3SERVER := bin/versitygw
# The real ACME authority of the tests.
ACME     := bin/pebble
FUZZTIME ?= 20s
# The rooms where goroutines meet, which the tests run under the race detector.
CONCURRENT := ./ingest/... ./broadcast/... ./playlist/... ./storage/... ./origin/... ./httpserver/... ./api/... ./admin/... ./internal/publisher/... ./internal/hlscheck/... ./cmd/...

.DEFAULT_GOAL := help
.PHONY: bench-cost bench-origin help run build setup test race fuzz bench e2e interop field latency lint fmt notices check clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## build, start, and show the demo on http://localhost:8080/
	@tools/need.sh ffmpeg || echo "going on: the demo needs no ffmpeg, publishing with it does"
	bin/golive serve --demo

build: $(HLS) ## build bin/golive
	go build -o bin/golive ./cmd/golive

setup: $(HLS) $(S3SERVER) $(ACME) ## install what the tests need and is missing
	@tools/need.sh ffmpeg chromium gcc nginx

test: setup lint ## every test: modules, format, lint, unit, race, browser pages, end to end
	go test ./... && go test -race -short $(CONCURRENT)
	npm test --prefix web --silent
	$(MAKE) e2e

race: ## every unit test under the race detector
	go test -race ./...

# They mostly wait: two packages at once take half the time.
e2e: setup ## real ffmpeg, real Chromium, real sockets
	go test -tags e2e -count=1 -p 2 -parallel 2 -timeout 20m ./e2e/...

interop: setup ## GStreamer and OBS Studio publish, Chromium plays
	@tools/need.sh gstreamer obs
	go test -tags interop -count=1 -timeout 15m ./e2e/interop

# Alone: each stream is encoded, checked and decoded in real time.
field: setup ## the odd streams that encoders in the field send, watched in Chromium
	GOLIVE_STRICT=1 go test -tags 'e2e field' -count=1 -parallel 3 -timeout 25m -run TestField ./e2e/interop

# Alone, too: what is measured is how soon a picture is on the screen, and how smoothly.
latency: setup ## how long a picture takes from the encoder to Chromium's screen
	GOLIVE_STRICT=1 go test -tags e2e -count=1 -v -timeout 15m -run 'TestLatency|TestChromium_PlaysWhat' ./e2e

fuzz: ## fuzz each parser for FUZZTIME
	@grep -rHoE '^func Fuzz\w+' --include='*_test.go' --exclude-dir=node_modules . | sed -E 's|/[^/]+:func | |' | while read -r dir name; do \
		echo "$$dir $$name"; go test "$$dir" -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) || exit 1; done

bench: ## every benchmark, with allocations
	go test -run '^$$' -bench . -benchmem ./...

bench-cost: setup ## what a stream costs the server: CPU-seconds and memory
	go test -tags e2e -run '^$$' -bench . -benchtime 1x -timeout 30m ./e2e/cost

bench-origin: setup ## what viewers cost the server, and how long they wait, beside nginx
	go test -tags e2e -run '^$$' -bench . -benchtime 1x -timeout 30m ./e2e/load

lint: $(HLS) ## modules are tidy, the code is formatted, the linters of .golangci.yml find nothing
	go mod tidy -diff && $(GOLANGCI) fmt --diff && $(GOLANGCI) run

fmt: ## format the code
	$(GOLANGCI) fmt

notices: ## write the licences of what is in the binary: internal/notices/notices.txt
	go generate ./internal/notices

check: test race interop ## everything that can be tested

clean: ## remove what was built, and the demo's data
	rm -rf bin data e2e/out web/node_modules $(HLS)

# Its build is slow only the first time; the version is in tools/go.mod.
$(S3SERVER): tools/go.mod
	go build -modfile=tools/go.mod -o $@ github.com/versity/versitygw/cmd/versitygw && touch $@

$(ACME): tools/go.mod
	go build -modfile=tools/go.mod -o $@ github.com/letsencrypt/pebble/v2/cmd/pebble && touch $@

$(HLS): web/package-lock.json
	@tools/need.sh npm
	npm ci --prefix web --no-audit --no-fund --ignore-scripts
	cp web/node_modules/hls.js/dist/hls.min.js $@ && touch $@
