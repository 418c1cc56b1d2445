export * from './link-channel.js';
export * from './link-client.js';
export * from './link-server.js';
