/** How a node gets an identity, in one line: the same words wherever somebody is told to do it. */
export function newIdentity({ name }: { readonly name: string }): string {
  return `coordinator token ${name} > F, copy F to that host, then there: etcd-agent enrol --token-file F`;
}
