/** The agent's package, which finds its program from where it is. Loaded when asked for: a bundle of CommonJS cannot `require` it. */
export const agentPackage = () => import('@etcd-agent/agent');
