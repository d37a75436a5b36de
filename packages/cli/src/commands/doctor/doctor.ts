import { errorCode, errorMessage } from "@branchcache/runtime";
import { type ResolvedConfig, resolveConfig } from "../../config/resolve.ts";
import type { Settings } from "../../config/schema.ts";
import { faultAndCure, isMatterOfRights } from "../../config/setting-error.ts";
import { ControlClient } from "../../control/client.ts";
import { checkClock } from "../../doctor/clock.ts";
import { checkContentServers } from "../../doctor/content-servers.ts";
import { bad, type Finding, good, unknown } from "../../doctor/finding.ts";
import { checkFirewall } from "../../doctor/firewall.ts";
import { checkMulticast } from "../../doctor/multicast.ts";
import { checkNamedServers } from "../../doctor/named-servers.ts";
import { checkPorts } from "../../doctor/ports.ts";
import { startProblems } from "../../doctor/start-problems.ts";
import type { ConfigGlobals } from "../../options/config-option.ts";
import type { ControlOptions } from "../../options/control-options.ts";
import { exitCode } from "../../terminal/exit-code.ts";
import { print } from "../../terminal/output.ts";

export interface DoctorOptions extends ControlOptions {
  readonly all?: true;
}

export async function runDoctor(
  urls: readonly string[],
  options: DoctorOptions,
  { config: configFile }: ConfigGlobals,
): Promise<void> {
  const config = await resolveConfig({ configFile });
  const { settings } = config;
  const { daemonRuns, findings: told } = await askDaemon(options.controlSocket);
  const named = await checkNamedServers(settings);
  const findings = [
    ...told.filter(({ check }) => check !== "firewall" && !named.some((one) => one.check === check)),
    ...(daemonRuns ? [] : await checkStart(config)),
    ...(await checkPorts(settings, daemonRuns)),
    ...(await firewall(settings, told)),
    ...(await checkMulticast(settings)),
    ...named,
    ...(await checkContentServers(urls)),
    ...(await checkClock(urls)),
  ];
  const found = findings.filter(({ result }) => result === "bad");
  const shown = options.all ? findings : findings.filter(({ result }) => result !== "good");
  print(options, findings, [
    ...shown.flatMap(({ check, result, text, cure }) => [
      `${MARKS[result]} ${check}: ${text}`,
      ...(cure === undefined ? [] : cure.split("\n").map((line) => `      ${line}`)),
    ]),
    found.length === 0
      ? `Nothing wrong found in ${findings.length} checks.`
      : `${found.length} of ${findings.length} checks found something.`,
  ]);
  if (found.length > 0) process.exitCode = exitCode.degraded;
}

/** What else would keep a daemon from starting; ports are looked at by themselves. */
async function checkStart(config: ResolvedConfig): Promise<readonly Finding[]> {
  const problems = await startProblems(config, { daemonRuns: true });
  return problems.map((error) => {
    const { cure, fault } = faultAndCure(error);
    return isMatterOfRights(error)
      ? unknown("start", `${fault}, for this user at least`)
      : bad("start", fault, cure);
  });
}

/** Only root may read the rules: the daemon, or this command. */
async function firewall(settings: Settings, told: readonly Finding[]): Promise<readonly Finding[]> {
  const own = await checkFirewall(settings);
  const known = told.filter(({ check, result }) => check === "firewall" && result !== "unknown");
  return known.length > 0 && own.some(({ result }) => result === "unknown") ? known : own;
}

const MARKS = { good: "ok   ", bad: "BAD  ", unknown: "?    " } as const;

async function askDaemon(
  controlSocket: string | undefined,
): Promise<{ readonly daemonRuns: boolean; readonly findings: readonly Finding[] }> {
  try {
    await using daemon = await ControlClient.connect(controlSocket);
    const findings = await daemon.request<readonly Finding[]>(
      daemon.rights === "full" ? "check" : "findings",
    );
    return { daemonRuns: true, findings: [good("daemon", "branchcached runs"), ...findings] };
  } catch (error) {
    if (errorCode(error) === "BC_DENIED") {
      return { daemonRuns: true, findings: [unknown("daemon", errorMessage(error))] };
    }
    if (errorCode(error) !== "BC_DAEMON_UNREACHABLE") throw error;
    const cure = "systemctl enable --now branchcached, or start branchcached by hand and read what it logs";
    return { daemonRuns: false, findings: [bad("daemon", "no daemon runs", cure)] };
  }
}
