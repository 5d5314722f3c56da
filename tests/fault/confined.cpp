// SPDX-License-Identifier: MIT
// confined NUMBER ERRNO PROGRAM: executes it in a world in which one system call fails with that
// errno, or with 0 only pretends to succeed.
#include <cstddef>
#include <cstdlib>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char* argv[])
{
    if (argc != 4)
        return 64;
    const auto number = static_cast<unsigned>(std::atoi(argv[1]));
    const auto error = static_cast<unsigned>(std::atoi(argv[2]));
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{sizeof code / sizeof code[0], code};
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        return 71;
    ::execv(argv[3], argv + 3);
    return 127;
}
