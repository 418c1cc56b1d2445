/**
 * etcd from the distribution's package manager, which systemd runs for the agent. Debian's package starts an etcd of its own,
 * on the ports and under the name of ours, and where a host's presets say so any other is started by the next boot: so the
 * service is masked before, and disabled before the mask goes. That the mask is ours is written down first; whoever starts
 * after a power cut finishes what was begun.
 */
import {
  runProgram,
  type SystemdServiceManager,
  type TransientUnits,
  unitFileHead,
} from '@etcd-agent/platform';
import { Fault, type PackageChoice } from '@etcd-agent/protocol';
import * as z from 'zod';
import { etcdFacts } from '../etcd-program.js';
import type { AgentHost } from '../host.js';
import { optionalText } from '../optional-text.js';
import { packageChoice, packagePrograms } from './plan/package-choice.js';
import {
  aptMendOwn,
  type Manager,
  type PackageStep,
  packageComplaint,
  packageEnvironment,
  packageSteps,
} from './plan/package-commands.js';

/** Where an administrator's own unit would be; a mask is a link of that name. */
const ownUnitFile = '/etc/systemd/system/etcd.service';
const queryMsMax = 10_000;

const recordSchema = z.strictObject({
  manager: z.enum(['apt', 'dnf', 'yum']),
  /** The mask is ours to take away. */
  masked: z.boolean(),
  /** The package is there and its service disabled: from then on that may have been enabled again on purpose. */
  disabled: z.boolean(),
});
type InstallRecord = z.infer<typeof recordSchema>;

export class PackageInstaller {
  constructor(
    private readonly host: AgentHost,
    private readonly transient: TransientUnits,
    /** dpkg's word on the package, such as `installed` or `half-configured`. */
    private readonly packageStatus: () => Promise<string> = debianStatus,
  ) {}

  async choice(): Promise<PackageChoice> {
    const { files, services } = this.host;
    const there = await Promise.all(packagePrograms.map((path) => files.exists(path)));
    const choice = packageChoice({
      osRelease: (await optionalText(files, '/etc/os-release')) ?? '',
      programs: packagePrograms.filter((_path, index) => there[index]),
      systemd: services.kind === 'systemd',
    });
    // A mask is a link at that very place. The package would start whatever that unit says, or have the next boot do it.
    if (choice.kind === 'available' && (await this.ownUnit()) === 'foreign') {
      const why = `${ownUnitFile} is there without an etcd: the package would start it, and it cannot be masked`;
      return { kind: 'unavailable', why };
    }
    return choice;
  }

  /** An installation was begun and not finished. */
  async unfinished(): Promise<boolean> {
    return (await this.record()) !== undefined;
  }

  /** Throws a Fault with what the package manager printed last. */
  async install(): Promise<void> {
    const choice = await this.choice();
    if (choice.kind === 'unavailable')
      throw new Fault('refused', choice.why, 'put etcd: { install: { from: file, ... } } into the topology');
    const former = await this.record();
    const masked = await this.maskIsOurs(former);
    await this.keep({ manager: choice.manager, masked, disabled: false });
    if (masked)
      await this.services.mask().catch(async (error: unknown) => {
        if (former === undefined) await this.host.files.remove(this.host.paths.packageInstall);
        throw error;
      });
    for (const step of packageSteps(choice.manager, former !== undefined))
      await this.run(step, choice.manager);
    await this.settle();
    const etcd = await etcdFacts(this.host);
    if (etcd.kind !== 'found')
      throw new Fault(
        'failed',
        `the package manager is content, and ${etcd.path} ${etcd.kind === 'missing' ? 'is not there' : etcd.why}`,
      );
  }

  /**
   * After the start of the agent: what a former one, or a power cut, has left. Nothing new is installed; a package that is half
   * there stays masked until somebody asks for it again.
   */
  async finish(): Promise<void> {
    const record = await this.record();
    if (record === undefined) return;
    if (record.disabled) return this.settle();
    // One that still runs is waited for; one that is not running is not begun.
    for (const { name } of packageSteps(record.manager, true)) await this.transient.settle(name);
    if (record.manager === 'apt') await this.transient.run(this.unit(aptMendOwn));
    await this.tidyUp(record.manager);
  }

  private async tidyUp(manager: Manager): Promise<void> {
    const { log } = this.host;
    if (manager === 'apt') {
      const status = await this.packageStatus();
      if (status !== 'installed' && status !== 'not-installed' && status !== 'config-files') {
        log.warn({ status }, 'an installation of etcd was cut short: coordinator etcd install finishes it');
        return;
      }
    }
    await this.settle();
    log.info({ manager }, 'an installation of etcd that did not end is tidied up');
  }

  /** Whether this agent masks etcd.service, or has done so before; false where it is not startable anyway. */
  private async maskIsOurs(former: InstallRecord | undefined): Promise<boolean> {
    if (former?.masked === true) return true;
    const unit = await this.services.readUnit();
    // An operator's own mask does the same, and stays.
    if (unit.kind === 'masked') return false;
    // With our unit there is our drop-in, by which nothing starts on an empty data dir.
    return (await this.ownUnit()) === 'none';
  }

  /** Whose unit stands where a mask would be, by the file: systemd may not be able to load it. A mask reads as empty. */
  private async ownUnit(): Promise<'none' | 'ours' | 'foreign'> {
    if (this.host.services.kind !== 'systemd') return 'none';
    const text = (await optionalText(this.host.files, ownUnitFile)) ?? '';
    if (text === '') return 'none';
    return text.startsWith(unitFileHead) ? 'ours' : 'foreign';
  }

  private async run(step: PackageStep, manager: Manager): Promise<void> {
    const { log } = this.host;
    log.info({ argv: step.argv }, 'package manager');
    const end = await this.transient.run(this.unit(step));
    if (end.kind === 'succeeded') return;
    log.warn({ argv: step.argv, why: end.why, tail: end.tail }, 'package manager');
    if (step.mayFail) return;
    if (end.mayRun)
      throw new Fault(
        'failed',
        `${manager} may still be at work: ${end.why}`,
        'the same command again finishes it',
      );
    const { cause, next } = packageComplaint(end.tail);
    // Nothing half done is left by a package that could not even be found: then the mask need not stay.
    await this.tidyUp(manager).catch((error: unknown) => log.error({ err: error }, 'cannot tidy up'));
    const said = end.tail.split('\n').slice(-12).join('\n');
    throw new Fault('failed', `${manager} did not install etcd (${end.why}): ${cause}\n${said}`.trim(), next);
  }

  private unit(step: PackageStep) {
    const { name, argv, timeoutMs } = step;
    return {
      name,
      argv,
      timeoutMs,
      environment: packageEnvironment,
      outputFile: this.host.paths.packageOutput,
    };
  }

  /**
   * Under the mask first: between the two, a boot must find a service that is not enabled. But for one of a member that has come
   * here in another way meanwhile: that is enabled on purpose, and our drop-in keeps it from an empty data dir.
   */
  private async settle(): Promise<void> {
    const record = await this.record();
    if (record === undefined) return;
    if (record.masked && !record.disabled) {
      const isMembers = (await this.host.store.spec()) !== undefined;
      // The power may have gone before there was a mask or a package.
      const isThere = (await this.services.readUnit()).kind !== 'missing';
      if (isThere && !isMembers) await this.services.disable();
      await this.keep({ ...record, disabled: true });
    }
    if (record.masked) await this.services.unmask();
    await this.host.files.remove(this.host.paths.packageInstall);
  }

  private async record(): Promise<InstallRecord | undefined> {
    const text = await optionalText(this.host.files, this.host.paths.packageInstall);
    return text === undefined ? undefined : recordSchema.parse(JSON.parse(text));
  }

  private async keep(record: InstallRecord): Promise<void> {
    const { files, paths } = this.host;
    await files.writeAtomic(paths.packageInstall, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  }

  /** Where there is a choice, systemd runs. */
  private get services(): SystemdServiceManager {
    return this.host.services as SystemdServiceManager;
  }
}

async function debianStatus(): Promise<string> {
  const result = await runProgram('dpkg-query', ['--status', 'etcd-server'], { timeoutMs: queryMsMax });
  if (result.kind !== 'exited') return 'unknown';
  // Such as "Status: install ok installed"; it fails for a package that was never there.
  return /^Status: \S+ \S+ (\S+)$/m.exec(result.stdout)?.[1] ?? 'not-installed';
}
