/**
 * Progress of anything longer than a second, as a port: a spinner per phase on a terminal, a plain line otherwise. Always on
 * stderr: stdout is for data.
 */
export interface PhaseReport {
  /** What the phase waits for right now; replaces the former note. */
  note(text: string): void;
}

export interface Progress {
  /** Runs one phase under a title; its outcome is shown when it ends. */
  phase<T>(title: string, run: (report: PhaseReport) => Promise<T>): Promise<T>;
}

/**
 * Tells each time that `step` percent more of `total` are done, the first time at zero. For work that reports every piece, where
 * plain progress writes a line a note.
 */
export function byPercent(
  step: number,
  tell: (percent: number, total: number) => void,
): (done: number, total: number) => void {
  let told = -1;
  return (done, total) => {
    const percent = Math.floor((done / total) * (100 / step)) * step;
    if (percent === told) return;
    told = percent;
    tell(percent, total);
  };
}

/** Narrower than this, spinners wrap. */
const columnsMin = 40;

/** Spinners where stderr is a terminal that may be drawn on, plain lines elsewhere. */
export function chooseProgress(environment: NodeJS.ProcessEnv = process.env): Progress {
  const { isTTY, columns } = process.stderr;
  // A terminal that does not tell its width (a serial console, script(1)) would show one letter a line.
  const plain =
    !isTTY || !(columns >= columnsMin) || environment.NO_COLOR !== undefined || environment.TERM === 'dumb';
  return plain ? plainProgress : spinnerProgress;
}

const plainProgress: Progress = {
  async phase(title, run) {
    const began = performance.now();
    process.stderr.write(`${title} ...\n`);
    let last = '';
    const value = await run({
      note: (text) => {
        if (text === last) return;
        last = text;
        process.stderr.write(`  ${text}\n`);
      },
    });
    process.stderr.write(`${title}: done (${seconds(began)})\n`);
    return value;
  },
};

const spinnerProgress: Progress = {
  async phase(title, run) {
    const { Listr } = await import('listr2');
    const began = performance.now();
    let value: Awaited<ReturnType<typeof run>> | undefined;
    const tasks = new Listr(
      [
        {
          title,
          task: async (_context, task) => {
            value = await run({
              note: (text) => {
                task.output = text;
              },
            });
            task.title = `${title} (${seconds(began)})`;
          },
        },
      ],
      { rendererOptions: { showErrorMessage: false }, forceTTY: true },
    );
    // listr2 draws on stdout by default; the data of a command goes there.
    await withStdoutOnStderr(() => tasks.run());
    return value as Awaited<ReturnType<typeof run>>;
  },
};

async function withStdoutOnStderr<T>(act: () => Promise<T>): Promise<T> {
  const original = process.stdout.write;
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;
  try {
    return await act();
  } finally {
    process.stdout.write = original;
  }
}

function seconds(began: number): string {
  return `${((performance.now() - began) / 1000).toFixed(1)} s`;
}
