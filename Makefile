
# Copyright (C) 2026 the ngx_http_wix_auth_module authors


.DEFAULT_GOAL := all

ifeq ($(origin CC),default)
CC = gcc
endif

# T=t/10-gate.t runs one file, FAST=1 leaves sanitizers and valgrind out
export CC NGINX_SRC NGINX_FLAGS EXTRA_CFLAGS T FAST TLS WIX_CLIENT_ID JOBS
export FUZZ_TIME FUZZ_CC SOAK_TIME SOAK_FLAVOUR
export BENCH_ROUNDS BENCH_ONLY BENCH_STALL BENCH_PLOT

# nginx's own Makefile is run by scripts, with its own idea of parallel jobs
MAKEFLAGS += --no-print-directory

.PHONY: all demo test lint bench fuzz soak matrix deb clean help


all:
	@t/install-packages build $(if $(findstring clang,$(CC)),clang)
	@t/build module

demo:
	@t/install-packages demo
	@t/build module
	@exec t/demo

test:
	@t/install-packages test $(if $(T)$(FAST),,lint)
	@t/run

lint:
	@t/install-packages lint
	@t/lint

fuzz:
	@t/install-packages fuzz
	@exec t/fuzz

soak:
	@t/install-packages soak
	@exec t/soak

bench:
	@t/install-packages bench
	@t/build module
	@exec t/bench/run

matrix deb:
	@if [ -x t/$@ ]; then exec t/$@; \
	else echo "make $@: not available yet"; exit 1; fi

clean:
	rm -rf build

help:
	@echo "make          build/ngx_http_wix_auth_module.so for the installed nginx"
	@echo "              NGINX_SRC=dir for a source tree, CC=clang for clang"
	@echo "make demo     emulator, sample site and gate on http://localhost:4321/"
	@echo "              TLS=1 with TLS, WIX_CLIENT_ID=... against the real Wix"
	@echo "make test     everything that must hold; FAST=1 without sanitizers,"
	@echo "              T=t/NN-name.t one file"
	@echo "make lint     static checks and house rules"
	@echo "make bench    the gate's price; BENCH_ONLY=\"throughput scale\" sections"
	@echo "make fuzz     fuzz targets; FUZZ_TIME=60 seconds each, T=cookie one"
	@echo "make soak     load with faults, SOAK_TIME=1200 seconds"
	@echo "make matrix   other nginx versions"
	@echo "make deb      the Debian package    make clean   remove build/"
