/** For which processor a program is built, from its ELF header. Pure. */

/** e_machine to Node's names, of everything that etcd is built for. */
const machines: ReadonlyMap<number, string> = new Map([
  [0x03, 'ia32'],
  [0x15, 'ppc64'],
  [0x16, 's390x'],
  [0x28, 'arm'],
  [0x3e, 'x64'],
  [0xb7, 'arm64'],
  [0xf3, 'riscv64'],
]);

/** How much of the file is needed. */
export const elfHeadBytes = 20;

/** `x64`, `arm64` …; undefined for what is no program for Linux at all. */
export function elfArchitecture(head: Uint8Array): string | undefined {
  if (
    head.length < elfHeadBytes ||
    head[0] !== 0x7f ||
    head[1] !== 0x45 ||
    head[2] !== 0x4c ||
    head[3] !== 0x46
  )
    return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const machine = view.getUint16(18, head[5] === 1);
  return machines.get(machine) ?? `machine ${machine}`;
}
