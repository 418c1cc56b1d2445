#!/usr/bin/env node
// grpc-js passes an IP address as TLS server name, which Node remarks on once per process (DEP0123). The connection is
// checked against the address all the same; an operator could do nothing about the remark.
const { emitWarning } = process;
process.emitWarning = (warning, ...rest) => {
  if (!rest.includes('DEP0123')) emitWarning.call(process, warning, ...rest);
};
await import('../dist/main.js');
