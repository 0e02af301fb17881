"""What the benchmark needs to know about the machine: its hardware, and whether other processes used it."""
import os
import platform
import resource
import time

# Above these shares, times are not compared.
MOST_LOAD, MOST_OTHERS = 0.5, 0.05


def processors():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def describe():
    """Processor, cores, memory, and the processor's instructions for matrix products."""
    info = {}
    for file in ["/proc/cpuinfo", "/proc/meminfo"]:
        try:
            with open(file) as f:
                for line in f:
                    key, _, value = line.partition(":")
                    info.setdefault(key.strip(), value.strip())
        except OSError:
            pass  # not Linux
    name = info.get("model name") or platform.processor() or platform.machine()
    has = [x for x in ["avx2", "avx512f", "avx512_bf16", "amx_bf16"] if x in info.get("flags", "").split()]
    memory = info.get("MemTotal", "0").split()[0]
    return f"{processors()} x {name} ({', '.join(has) or platform.machine()}), {int(memory) / 2**20:.0f} GiB"


def counters():
    """Seconds that all processors together were busy, and that a hypervisor stole from them; None if unknown."""
    try:
        with open("/proc/stat") as f:
            user, nice, system, _, _, irq, softirq, steal = map(int, f.readline().split()[1:9])
    except (OSError, ValueError):
        return None
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / tick, steal / tick


def own():
    """Processor seconds of this process and of its finished children."""
    return sum(sum(resource.getrusage(who)[:2]) for who in [resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN])


class Watch:
    """Watches for the work of other processes, from its creation to report()."""

    def __init__(self):
        self.load = os.getloadavg()
        self.begun, self.counters, self.own = time.time(), counters(), own()

    def busy_at_start(self):
        return self.load[0] > MOST_LOAD

    def report(self):
        """Shares of all processors' time since the start. Call it when all children have ended."""
        others = stolen = None
        now = counters()
        if now and self.counters:
            capacity = processors() * (time.time() - self.begun)
            others = round(max(0, now[0] - self.counters[0] - (own() - self.own)) / capacity, 4)
            stolen = round((now[1] - self.counters[1]) / capacity, 4)
        busy = self.busy_at_start() or (others or 0) + (stolen or 0) > MOST_OTHERS
        return dict(average_at_start=self.load, others=others, stolen=stolen, busy=busy)


def write(path, text):
    """Write a file atomically."""
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(text)
    os.replace(temporary, path)
