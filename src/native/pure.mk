# Tests, sanitizers and fuzzers of the files that know no Node, uv or OpenSSL.
# Included by Makefile; also works alone: make -f pure.mk check
#
#   check       both of the next two
#   check-fast  optimised build: tests, speeds
#   check-asan  tests under the address and undefined-behaviour sanitizers
#   fuzz        libFuzzer targets in build/fuzz (clang); tools/fuzz/run runs them
#   fuzz-seeds  writes the seed corpus to fuzz/corpus

PURE_SOURCES := arrival.cc checksum.cc frame.cc segment.cc coalesce.cc reassembly.cc record.cc relay.cc
PURE_HEADERS := arrival.h bytes.h checksum.h vnet.h frame.h segment.h coalesce.h replay.h reassembly.h record.h relay.h
PURE_TESTS := test/pure_test.cc test/arrival_test.cc test/frame_test.cc test/segment_test.cc test/coalesce_test.cc test/relay_test.cc test/session_test.cc
PURE_TEST_HEADERS := $(wildcard test/*.h)
FUZZ_TARGETS := frame segment coalesce replay record reassembly

PURE_BUILD ?= build
PURE_CXX ?= c++
FUZZ_CXX ?= clang++
PURE_FLAGS := -std=c++17 -Wall -Wextra -Werror -fno-exceptions -fno-rtti
PURE_SANITIZE := -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all

.PHONY: check check-fast check-asan fuzz fuzz-seeds

check: check-fast check-asan

check-fast: $(PURE_BUILD)/pure_test
	$<
	$< speed

check-asan: $(PURE_BUILD)/pure_test_asan
	$<

fuzz: $(FUZZ_TARGETS:%=$(PURE_BUILD)/fuzz/%)

fuzz-seeds: $(PURE_BUILD)/fuzz/write_seeds
	$< fuzz/corpus

$(PURE_BUILD)/pure_test: $(PURE_SOURCES) $(PURE_HEADERS) $(PURE_TESTS) $(PURE_TEST_HEADERS)
	@mkdir -p $(@D)
	$(PURE_CXX) $(PURE_FLAGS) -O2 -o $@ $(PURE_SOURCES) $(PURE_TESTS)

$(PURE_BUILD)/pure_test_asan: $(PURE_SOURCES) $(PURE_HEADERS) $(PURE_TESTS) $(PURE_TEST_HEADERS)
	@mkdir -p $(@D)
	$(PURE_CXX) $(PURE_FLAGS) $(PURE_SANITIZE) -fsanitize=address,undefined -o $@ $(PURE_SOURCES) $(PURE_TESTS)

$(PURE_BUILD)/fuzz/%: fuzz/%_fuzz.cc $(PURE_SOURCES) $(PURE_HEADERS) $(PURE_TEST_HEADERS)
	@mkdir -p $(@D)
	$(FUZZ_CXX) $(PURE_FLAGS) $(PURE_SANITIZE) -fsanitize=fuzzer,address,undefined -o $@ $< $(PURE_SOURCES)

$(PURE_BUILD)/fuzz/write_seeds: fuzz/write_seeds.cc $(PURE_SOURCES) $(PURE_HEADERS) $(PURE_TEST_HEADERS)
	@mkdir -p $(@D)
	$(PURE_CXX) $(PURE_FLAGS) -O1 -o $@ $< $(PURE_SOURCES)
