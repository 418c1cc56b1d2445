/** What the integration tests use; the files beside this one say what each of them is. */
export * from './bare-etcd.js';
export * from './etcd-archive.js';
export * from './etcd-binaries.js';
export * from './expectations.js';
export * from './faketime.js';
export * from './fingerprint.js';
export * from './impostor.js';
export * from './interruption.js';
export * from './loopback-address.js';
export * from './ports.js';
export * from './process-table.js';
export * from './programs.js';
export * from './small-disk.js';
export * from './test-cluster.js';
export * from './test-node.js';
export * from './wait.js';
export * from './workspace.js';
