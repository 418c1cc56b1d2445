/** Only for tests: a CA and the certificates of a cluster on 127.0.0.1, made by openssl so that nothing of ours vouches for them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TlsFiles } from '../conf-settings.js';

/** PEM files of one CA: for the servers' client port and peer port, and for a client with CN "client". */
export interface TestCertificates {
  readonly server: TlsFiles;
  readonly client: { readonly ca: string; readonly cert: string; readonly key: string };
}

/** Makes a CA and what it signs in a new directory below `dir`. P-256, valid for two days. */
export function makeCertificates(dir: string): TestCertificates {
  const home = mkdtempSync(join(dir, 'pki-'));
  const at = (name: string) => join(home, name);
  newKey(at('ca-key.pem'));
  openssl(
    'req',
    '-x509',
    '-new',
    '-key',
    at('ca-key.pem'),
    '-subj',
    '/CN=test-ca',
    '-days',
    '2',
    '-out',
    at('ca.pem'),
  );
  for (const cn of ['server', 'client']) {
    newKey(at(`${cn}-key.pem`));
    writeFileSync(at(`${cn}.ext`), extensions);
    openssl('req', '-new', '-key', at(`${cn}-key.pem`), '-subj', `/CN=${cn}`, '-out', at(`${cn}.csr`));
    const signer = ['-CA', at('ca.pem'), '-CAkey', at('ca-key.pem'), '-CAcreateserial'];
    const output = ['-days', '2', '-extfile', at(`${cn}.ext`), '-out', at(`${cn}.pem`)];
    openssl('x509', '-req', '-in', at(`${cn}.csr`), ...signer, ...output);
  }
  const read = (name: string) => readFileSync(at(name), 'utf8');
  return {
    server: { certFile: at('server.pem'), keyFile: at('server-key.pem'), trustedCaFile: at('ca.pem') },
    client: { ca: read('ca.pem'), cert: read('client.pem'), key: read('client-key.pem') },
  };
}

/** The IP alone names the server, so that a client which checks it wrongly is found out. */
const extensions = 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n';

function newKey(path: string): void {
  openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', path);
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 30_000 });
}
