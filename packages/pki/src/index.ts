/** Certificates as values: cfssl's vocabulary in, PEM out. No file, no network; node-forge is used here only. */
export { type Authority, createAuthority } from './authority.js';
export { createRequest, type RequestedKey, readRequest } from './certificate-request.js';
export {
  type ConfigJson,
  type CsrJson,
  readConfigJson,
  readCsrJson,
  type SigningProfile,
} from './cfssl-json.js';
export {
  commonNameSchema,
  expirySchema,
  hostSchema,
  keyRequestSchema,
  subjectNameSchema,
  usageSchema,
} from './cfssl-schemas.js';
export { expiryMsMax, parseExpiry } from './expiry.js';
export { type Host, hostProblems, readHost } from './hosts.js';
export { type IssueInput, issue } from './issue.js';
export { generateKey, isPrivateKey, type KeyRequest } from './key.js';
export { type LikeCfssl, likeCfssl } from './like-cfssl.js';
export { certificatePem } from './pem.js';
export { PkiError, type PkiErrorCode, type Problem } from './pki-error.js';
export { type Certificate, certificateSha256, keyMatches, readCertificate } from './read-certificate.js';
export { type Subject, type SubjectName, subjectProblems } from './subject.js';
export { isUsage, knownUsages, type Usage } from './usages.js';
export { type ChainFault, type ChainVerdict, verifyChain } from './verify-chain.js';
