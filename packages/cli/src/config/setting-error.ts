/** A setting with a valid value that this machine cannot follow: a file that is missing, a port that is taken. */
import { BranchCacheError, errorCode, errorMessage } from "@branchcache/runtime";

export interface SettingFault {
  /** `cache.data.path`. */
  readonly setting: string;
  readonly fault: string;
  /** What to do about it. */
  readonly cure: string;
  readonly cause?: unknown;
}

/** The message is `setting: fault; cure`. */
export class SettingError extends BranchCacheError {
  readonly fault: string;
  readonly cure: string;

  constructor(code: string, { setting, fault, cure, cause }: SettingFault) {
    super(code, `${setting}: ${fault}; ${cure}`, cause === undefined ? {} : { cause });
    this.fault = `${setting}: ${fault}`;
    this.cure = cure;
  }
}

/** Whether it might work with other rights than those of this process. */
export function isMatterOfRights(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (["EACCES", "EPERM"].includes(errorCode(at) ?? "")) return true;
  }
  return false;
}

/** For lists of findings. An error without a cure gives its whole message as the fault. */
export function faultAndCure(error: unknown): { readonly fault: string; readonly cure: string } {
  return error instanceof SettingError ? error : { fault: errorMessage(error), cure: "" };
}
