#!/bin/sh
# SPDX-License-Identifier: MIT
# abi_test.sh LIBRARY SYMBOLS — the library exports exactly the symbols written down, has its
# SONAME, and needs libc alone (a sanitizer's build needs its runtime as well).
set -eu
library=$1
symbols=$2

exported=$(nm -D --defined-only "$library" | awk '$2 != "A" {print $3}' | LC_ALL=C sort)
if [ "$exported" != "$(cat "$symbols")" ]; then
    echo "the exported symbols differ from $symbols:"
    echo "$exported" | diff "$symbols" - || true
    exit 1
fi

dynamic=$(readelf -d "$library")
echo "$dynamic" | grep -q 'SONAME.*\[libostler\.so\.1\]' || { echo "wrong SONAME"; exit 1; }
needed=$(echo "$dynamic" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')
for name in $needed; do
    case $name in
    libc.so.6 | ld-linux-*.so.* | libasan.so.* | libubsan.so.* | libtsan.so.*) ;;
    *) echo "needs more than libc: $name"; exit 1 ;;
    esac
done
