/**
 * Waits at least this long. k6 1.8 may fire a timer early: one whose time had come and was then cleared takes the next
 * in its queue along. So the time is looked at again, and nothing here trusts a timer.
 */
export async function wait(ms: number): Promise<void> {
  for (const untilMs = Date.now() + ms; ; ) {
    const leftMs = untilMs - Date.now();
    if (leftMs <= 0) return;
    await new Promise<void>((resolve) => setTimeout(resolve, leftMs));
  }
}
