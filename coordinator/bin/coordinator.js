#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';

// A command runs for a second or two, and most of that is loading code that runs once: compiling it for speed on other
// threads costs a sixth of the CPU of a command, on hosts that may have two cores, and never pays back.
setFlagsFromString('--no-opt');

// grpc-js passes an IP address as TLS server name, which Node remarks on once per process (DEP0123). The connection is
// checked against the address all the same; an operator could do nothing about the remark.
const { emitWarning } = process;
process.emitWarning = (warning, ...rest) => {
  if (!rest.includes('DEP0123')) emitWarning.call(process, warning, ...rest);
};
await import('../dist/main.js');
