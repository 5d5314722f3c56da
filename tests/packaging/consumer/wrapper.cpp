// SPDX-License-Identifier: MIT
// The C++ header alone, from where it was installed. Not started by ostlerd, so nothing to join.
#include <ostler.hpp>

int main()
{
    return ostler::Worker::join() ? 1 : 0;
}
