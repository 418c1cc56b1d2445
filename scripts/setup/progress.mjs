// What a person sees while the setup works, on stderr: nothing for what takes under a second, one line per step with its
// elapsed time for the rest. On a terminal the line counts up in place; otherwise (no TTY, NO_COLOR) it is plain lines.

const afterMs = 1000;
const live = process.stderr.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
const clearLine = '\r\u001b[2K';

/**
 * Runs `work`, showing `label` once it has taken more than a second.
 * @template T @param {string} label @param {() => Promise<T>} work @returns {Promise<T>}
 */
export async function step(label, work) {
  const started = performance.now();
  const seconds = () => ((performance.now() - started) / 1000).toFixed(1);
  let shown = false;
  const timer = setInterval(() => {
    if (live) process.stderr.write(`${clearLine}… ${label} ${seconds()} s`);
    else if (!shown) process.stderr.write(`… ${label}\n`);
    shown = true;
  }, afterMs);
  const finish = (mark) => {
    clearInterval(timer);
    if (shown) process.stderr.write(`${live ? clearLine : ''}${mark} ${label} (${seconds()} s)\n`);
  };
  try {
    const result = await work();
    finish('✓');
    return result;
  } catch (error) {
    finish('✗');
    throw error;
  }
}

/** A line a person must not miss: something is not as asked, but the work goes on. */
export function warn(message) {
  process.stderr.write(`warning: ${message}\n`);
}
