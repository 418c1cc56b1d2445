/**
 * Units as distributions ship them, from their text to what an operator reads. The agent reads the loaded unit from
 * systemd; here the same two functions see the shipped text.
 */
import { classifyUnit, parseUnit } from '@etcd-agent/etcd';
import { expect, it } from 'vitest';

// CentOS 7, package etcd 3.3.11-2.el7.
const centos7 = `[Service]
Type=notify
WorkingDirectory=/var/lib/etcd/
EnvironmentFile=-/etc/etcd/etcd.conf
User=etcd
ExecStart=/bin/bash -c "GOMAXPROCS=$(nproc) /usr/bin/etcd --name=\\"\${ETCD_NAME}\\" --data-dir=\\"\${ETCD_DATA_DIR}\\" --listen-client-urls=\\"\${ETCD_LISTEN_CLIENT_URLS}\\""
Restart=on-failure
LimitNOFILE=65536
`;
// Debian 12, package etcd-server 3.4.23.
const debian12 = `[Service]
Environment=DAEMON_ARGS=
Environment=ETCD_NAME=%H
Environment=ETCD_DATA_DIR=/var/lib/etcd/default
EnvironmentFile=-/etc/default/%p
Type=notify
User=etcd
ExecStart=/usr/bin/etcd $DAEMON_ARGS
Restart=on-abnormal
`;

const style = (text: string, environmentText = '') => classifyUnit(parseUnit(text), environmentText);

it("CentOS 7's unit passes flags, and all of them are told", () => {
  expect(style(centos7)).toMatchObject({ style: 'flags', flags: ['name', 'data-dir', 'listen-client-urls'] });
});

it("Debian 12's unit passes none as shipped", () => {
  expect(style(debian12)).toMatchObject({ style: 'environment', flags: [] });
});

it("Debian 12's unit passes what somebody wrote into DAEMON_ARGS", () => {
  expect(style(debian12, 'DAEMON_ARGS="--name x --config-file=/etc/etcd.yml"')).toMatchObject({
    style: 'configFile',
    flags: ['name', 'config-file'],
  });
});
