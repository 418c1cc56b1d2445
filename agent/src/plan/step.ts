/** What a rule may come to, as plain JSON: a step can be printed, stored and compared. */

/** Everything an agent does by itself. */
export type Step =
  /** Remember for good that this data dir has had a WAL. */
  | { readonly kind: 'recordBegun' }
  /** Change the cluster state in etcd.conf from `new` to `existing`. */
  | { readonly kind: 'flipConf' }
  /** Take back the permit to start on an empty data dir. */
  | { readonly kind: 'removePermit'; readonly why: string };

export type RuleOutcome =
  | { readonly kind: 'step'; readonly step: Step }
  | { readonly kind: 'waiting'; readonly reason: string }
  | { readonly kind: 'nothing' };
