# `make` lists the targets.

GOLANGCI := go tool -modfile=tools/go.mod golangci-lint
# The libraries of the pages, and what builds them.
NODE     := web/node_modules/.package-lock.json
HLS      := web/assets/vendor/hls.min.js
# The scripts of the pages, built from TypeScript.
PAGES    := web/assets/js/home.js
# The npm package of the Go Live client.
PACKAGE  := web/client/dist/golive.js
# The S3-compatible server that tests use.
S3SERVER := bin/versitygw
# The players that tests open beside hls.js in the pages.
PLAYERS  := e2e/players/node_modules/.package-lock.json
# The checker of the OpenAPI document, and the generator of a client from it.
CLIENT   := e2e/client/node_modules/.package-lock.json
# FFmpeg 8, which sends several video tracks, and publishes by WHIP. It is large, and only make field needs it.
ENCODERS := e2e/encoders/node_modules/.package-lock.json
# The ACME authority that tests use.
ACME     := bin/pebble
# The tests that -short leaves out.
LONG     := TestHub_HeapAndBucketDoNotGrowOverHours|TestRow73_ProbeGivesUpAndNamesTheSetting|TestFollow_FindsNoHoleWhereAPublisherPaused
FUZZTIME ?= 20s
# The stream time of the soak test of transcoding; 8 takes a quarter of an hour.
HOURS    ?= 1
# The folders of packages with goroutines, whose tests run under the race detector, and all others. The
# longest ones begin.
RACE       := cmd broadcast registry internal/hlscheck ingest archive playlist storage origin httpserver api admin internal/publisher
CONCURRENT := $(RACE:%=./%/...)
EMPTY      :=
OTHERS      = $$(go list ./... | grep -vE '^golive/($(subst $(EMPTY) $(EMPTY),|,$(RACE)))(/|$$)')

.DEFAULT_GOAL := help
.PHONY: bench-cost bench-origin help run build setup test race fuzz bench e2e interop field ladder latency lint vet386 fmt notices check clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## build, start, and show the demo on http://localhost:8080/
	@tools/need.sh ffmpeg || echo "continuing: only publishing with ffmpeg needs it"
	bin/golive serve --demo

build: $(PAGES) ## build bin/golive
	go build -o bin/golive ./cmd/golive

setup: $(PAGES) $(PACKAGE) $(S3SERVER) $(ACME) $(PLAYERS) $(CLIENT) ## install the tools that tests need
	@tools/need.sh ffmpeg chromium gcc nginx

# The linters have vetted all packages.
test: setup lint ## all tests: modules, format, lint, 386, unit, race, pages, end to end
	go test -vet=off $(OTHERS) && go test -vet=off -race -short $(CONCURRENT)
	go test -vet=off -run '$(LONG)' ./broadcast ./storage/s3 ./internal/hlscheck
	npm run check --prefix web --silent && npm test --prefix web --silent
	$(MAKE) e2e

race: ## every unit test under the race detector
	go test -race ./...

# The tests mostly wait, so three packages in parallel take half the time. The longest ones begin.
e2e: setup ## real ffmpeg, real Chromium, real sockets
	go test -tags e2e -count=1 -p 3 -parallel 2 -timeout 20m ./e2e ./e2e/store ./e2e/interop ./e2e/...

interop: setup ## GStreamer and OBS Studio publish, Chromium plays
	@tools/need.sh gstreamer obs
	go test -tags interop -count=1 -timeout 15m ./e2e/interop

# Run this alone: each stream is encoded, checked and decoded in real time.
field: setup $(ENCODERS) ## unusual streams of real encoders, and players of all kinds
	@tools/need.sh firefox gstreamer mpv vlc
	GOLIVE_STRICT=1 go test -tags 'e2e field' -count=1 -p 1 -parallel 3 -timeout 35m -run 'TestField|TestCodecs|TestMultitrack|TestFirefox|TestPrograms|TestThreeServers|TestCluster_GoesOn|TestStart_Accepts|TestRollout|TestUplink_Cut' ./e2e/interop ./e2e ./e2e/ladder ./e2e/store ./e2e/product
	go test -tags field -count=1 -v -timeout 25m -run TestSoak ./transcode -hours $(HOURS)

# Run this alone: it encodes 1080p in real time.
ladder: setup ## rungs over 5 minutes, in players, on a slow network, and of many broadcasts
	GOLIVE_STRICT=1 go test -tags 'e2e field' -count=1 -v -timeout 90m -run TestLadder ./e2e/ladder

# Run this alone: it measures how soon and how smoothly pictures are shown.
latency: setup ## the delay of a picture from the encoder to Chromium's screen
	GOLIVE_STRICT=1 go test -tags 'e2e field' -count=1 -p 1 -v -timeout 50m -run 'TestLatency|TestChromium_PlaysWhat|TestChromium_Broadcasts|TestWatch_|TestEnd_|TestTap|TestCuts|TestUplink|TestBackground|TestParts' ./e2e ./e2e/browser

fuzz: ## fuzz each parser for FUZZTIME
	@grep -rHoE '^func Fuzz\w+' --include='*_test.go' --exclude-dir=node_modules . | sed -E 's|/[^/]+:func | |' | while read -r dir name; do \
		echo "$$dir $$name"; go test "$$dir" -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s || exit 1; done

bench: ## every benchmark, with allocations
	go test -run '^$$' -bench . -benchmem ./...

bench-cost: setup ## the cost of a stream: CPU time and memory
	go test -tags e2e -run '^$$' -bench . -benchtime 1x -timeout 30m ./e2e/cost

bench-origin: setup ## the cost and the waiting times of viewers, compared with nginx
	go test -tags e2e -run '^$$' -bench . -benchtime 1x -timeout 30m ./e2e/load

lint: $(PAGES) vet386 ## check modules, format, linters (.golangci.yml) and 386
	go mod tidy -diff && $(GOLANGCI) fmt --diff && $(GOLANGCI) run

# go-rtmp, the client of golive publish and of some tests, does not compile for 32 bits (its
# conn_state.go assigns MaxUint32 to an int): packages and tests that import it are excluded.
GORTMP := ^golive/(cmd/golive|e2e|e2e/ladder|e2e/store|internal/publisher|ingest/rtmp|ingest/rtmp/chunk)

vet386: $(PAGES) ## vet all packages and their tests for 32 bits
	GOARCH=386 CGO_ENABLED=0 go vet -tags 'e2e interop field' $$(go list ./... | grep -vE '$(GORTMP)$$') && GOARCH=386 CGO_ENABLED=0 go build ./ingest/...

fmt: ## format the code
	$(GOLANGCI) fmt

notices: ## write the licences of all software in the binary: internal/notices/notices.txt
	go generate ./internal/notices

check: test race interop ## run all tests

clean: ## remove built files and the demo's data
	rm -rf bin data e2e/out e2e/players/node_modules e2e/client/node_modules e2e/encoders/node_modules web/node_modules web/out web/assets/js web/assets/vendor/*.js

# Only the first build is slow. The version is in tools/go.mod.
$(S3SERVER): tools/go.mod
	go build -modfile=tools/go.mod -o $@ github.com/versity/versitygw/cmd/versitygw && touch $@

$(ACME): tools/go.mod
	go build -modfile=tools/go.mod -o $@ github.com/letsencrypt/pebble/v2/cmd/pebble && touch $@

$(PLAYERS): e2e/players/package-lock.json
	@tools/need.sh npm
	npm ci --prefix e2e/players --no-audit --no-fund --ignore-scripts && touch $@

$(CLIENT): e2e/client/package-lock.json
	@tools/need.sh npm
	npm ci --prefix e2e/client --no-audit --no-fund --ignore-scripts && touch $@

$(ENCODERS): e2e/encoders/package-lock.json
	@tools/need.sh npm
	npm ci --prefix e2e/encoders --no-audit --no-fund --ignore-scripts && touch $@

$(NODE): web/package-lock.json
	@tools/need.sh npm
	npm ci --prefix web --no-audit --no-fund --ignore-scripts && touch $@

$(HLS): $(NODE)
	cp web/node_modules/hls.js/dist/hls.light.min.js $(@D) && cp web/node_modules/hls.js/dist/hls.min.js $@ && touch $@

$(PAGES): $(HLS) web/package.json $(wildcard web/src/*.ts web/src/*/*.ts)
	npm run build --prefix web --silent && touch $@

$(PACKAGE): $(PAGES) web/client/build.mjs
	npm run build:client --prefix web --silent && touch $@
