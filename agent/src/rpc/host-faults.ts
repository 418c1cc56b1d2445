/**
 * What the host or its etcds could not do, told to the caller: a full disk, a missing right, a service manager that says no. These
 * errors name paths and reasons and hold no secrets, so they may cross the wire; everything else stays in the log.
 */
import { EtcdConfError, EtcdError } from '@etcd-agent/etcd';
import { PkiError } from '@etcd-agent/pki';
import { FileError, ServiceError } from '@etcd-agent/platform';
import { Fault, type Handlers, type MethodTable } from '@etcd-agent/protocol';
import { StateError } from '../store.js';

/** The same handlers; what they throw is a Fault wherever the caller may know it. */
export function withHostFaults<T extends MethodTable, Context>(
  handlers: Handlers<T, Context>,
): Handlers<T, Context> {
  const wrapped = Object.entries(handlers).map(([method, handle]) => [
    method,
    async (params: never, context: Context) => {
      try {
        return await (handle as (params: never, context: Context) => Promise<unknown>)(params, context);
      } catch (error) {
        throw asFault(error);
      }
    },
  ]);
  return Object.fromEntries(wrapped) as Handlers<T, Context>;
}

/** The Fault for what a host could not do; any other error as it is. */
export function asFault(error: unknown): unknown {
  if (error instanceof FileError)
    return new Fault('failed', error.message, fileHint(error), { cause: error });
  if (error instanceof ServiceError) {
    return new Fault('failed', error.message, 'on that host: systemctl status etcd; journalctl -u etcd', {
      cause: error,
    });
  }
  if (error instanceof EtcdError)
    return new Fault('failed', `etcd says: ${error.message}`, 'coordinator status', { cause: error });
  if (error instanceof StateError || error instanceof PkiError || error instanceof EtcdConfError) {
    return new Fault('failed', error.message, undefined, { cause: error });
  }
  return error;
}

function fileHint({ code, path }: FileError): string | undefined {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return `make room on the file system of ${path} (df ${path}), then run the same command again`;
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `let etcd-agent write there: it runs as root by its unit, and ${path} must not be read-only`;
    default:
      return undefined;
  }
}
