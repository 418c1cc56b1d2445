/** The commented topology that `coordinator template` prints: every key, its default and its reason. */
export const topologyTemplate = `# Topology of one etcd cluster. Unknown keys are errors; coordinator init checks the file.
name: etcd-cluster

# One entry a host. Use an odd number: three tolerate one failure, five tolerate two.
nodes:
  - name: etcd0                      # of the node and of its etcd member
    address: 192.168.124.22          # IP that clients, members and the coordinator use
    dns: [etcd0.51know.info]         # more names for its server certificate; optional
  - name: etcd1
    address: 192.168.124.23
    dns: [etcd1.51know.info]
  - name: etcd2
    address: 192.168.124.24
    dns: [etcd2.51know.info]
    # agentPort, clientPort, peerPort, dataDir: override the values below for one node

agent:
  port: 2400                         # where the agents listen

etcd:
  dataDir: /var/lib/etcd/default.etcd
  clientPort: 2379
  peerPort: 2380
  heartbeatInterval: 500             # ms; about the round trip between the hosts, at least
  electionTimeout: 2500              # ms; at least five heartbeats
  # quotaBackendBytes: 8589934592    # etcd's default is 2 GiB, its suggested maximum 8 GiB
  # autoCompactionMode: periodic     # Kubernetes compacts by itself; others want this
  # autoCompactionRetention: 8h
  # snapshotCount: 100000
  # maxRequestBytes: 1572864
  # Where etcd comes from, on hosts that do not have it. Left out: it has to be there.
  # install: { from: package }       # apt, dnf or yum of each host
  # install: { from: file, file: etcd-v3.5.30-linux-amd64.tar.gz, sha256: HEX }   # beside this file, sent to each host

# What every agent does by itself when its etcd fails. Change it later with: coordinator apply -f FILE
healing:
  mode: heal                         # watch: everything is decided and explained, nothing is done
  watch: 5s                          # an agent that has just started knows nothing of what went before
  evidence: 1s                       # how long evidence must stand: a file system may still be being mounted
  hang: 10s                          # silence of a running etcd before it is restarted; a slow fsync takes 1 s
  hangUptime: 1m                     # an etcd younger than this may still be replaying its log
  stopped: 1m                        # whoever stops etcd by hand usually starts it again; after this the agent does
  removed: 1m                        # whoever removes a member by hand may be about to add it again
  orphan: 15m                        # an entry that never started, of a silent host: it may be being installed
  replace: 10s                       # how long everybody must have seen a member inactive that a new host replaces
  hold: 10m                          # a repair that did not hold this long counts as one of a series
  repairsPerDayMax: 3                # more of them mean a cause that repairing does not remove
  joinStall: 5m                      # a joining member that receives nothing this long is added anew
  quarantine: 7d                     # data moved aside is kept this long; what the last repair moved stays
  quarantineBytesMax: 17179869184    # of all the other quarantines: two databases of 8 GiB

# Snapshots that the agents take by themselves, one agent at a time, each tried on a throw-away etcd. Left out: none.
# Change it later with: coordinator apply -f FILE
snapshots:
  every: 6h                          # the cluster takes one this often, its nodes in turns
  keep: 8                            # verified ones on each node
  maxAge: 30d                        # older ones go; the newest verified one of a node never
  # dir: /var/backups/etcd           # on each node; without it, in the agent's state
  minFreeBytes: 1073741824           # stays free there beside a snapshot and its trial restore

# In cfssl's words. These are the runbook's values.
pki:
  key: { algo: rsa, size: 4096 }     # or { algo: ecdsa, size: 256 }: a thousand times faster to make
  names: [{ C: CN, ST: Beijing, L: Beijing, O: etcd, OU: etcd Security }]
  expiry: 87600h
  # Instead, cfssl's own files, as they are, beside this one:
  # caCsr: etcd-root-ca-csr.json
  # csr: etcd-csr.json
  # config: etcd-gencert.json
`;
