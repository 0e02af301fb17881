#!/usr/bin/env python3
"""Writes runner/train/testdata/schedule_timm.csv: the learning rate of every epoch from timm's
CosineLRScheduler, which the official DTL code uses.

    pip install 'timm==0.6.13' torch
    python scripts/expect_schedule.py > runner/train/testdata/schedule_timm.csv

A column names peak rate, cosine epochs, warm-up epochs and cool-down epochs. The scheduler is stepped as in the
official loop: the optimizer starts with the rate of t = 0, and scheduler.step(epoch) after an epoch sets the
rate of the next one.
"""

import torch
from timm.scheduler.cosine_lr import CosineLRScheduler

# (peak rate, cosine epochs, warm-up, cool-down). The first is the paper's 110 epochs. The others check how
# shorter and longer runs scale: 55 and 11 in total, and 210 in total.
CASES = [(1e-3, 100, 10, 10), (5e-4, 50, 5, 5), (1e-3, 10, 1, 1), (2e-3, 200, 10, 10)]


def rates(lr, cosine, warmup, cooldown):
    opt = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    sched = CosineLRScheduler(opt, t_initial=cosine, lr_min=1e-8, warmup_t=warmup, warmup_lr_init=1e-7,
                              cycle_limit=1, t_in_epochs=True, warmup_prefix=False)
    out = []
    for epoch in range(cosine + cooldown):
        out.append(opt.param_groups[0]["lr"])
        sched.step(epoch + 1)
    return out


if __name__ == "__main__":
    print("peak,epochs,epoch,rate")
    for case in CASES:
        for i, rate in enumerate(rates(*case)):
            print(f"{case[0]!r},{case[1] + case[3]},{i + 1},{rate!r}")
