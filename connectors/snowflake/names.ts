/**
 * Names and texts in statements. No variable may be bound where Snowflake names a thing, so what stands
 * there goes through here, and nothing else builds a statement of parts it was given.
 */
import { isOurName, ourName as plainName } from '../rest/names.ts'

/**
 * A name of ours as it is there: in capitals, so that it is the same quoted and not. Throws `Problem`
 * `invalid-field` unless it is of our form. ATTACKER: the name.
 */
export function ourName(name: string): string {
  return plainName(name).toUpperCase()
}

/** The other way; undefined for what is somebody else's. */
export function ourNameOf(name: string): string | undefined {
  const own = name.toLowerCase()
  return own.toUpperCase() === name && isOurName(own) ? own : undefined
}

/** Anybody's thing, whatever its name holds: between double quotes only a double quote means anything. */
export function quote(...parts: readonly string[]): string {
  return parts.map(part => `"${part.replaceAll('"', '""')}"`).join('.')
}

/** A text, where nothing can be bound. A backslash begins an escape there. */
export function text(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}

/** As `SHOW GRANTS` writes where a thing is: quoted only where it has to be. */
export function shown(...parts: readonly string[]): string {
  return parts.map(part => (/^[A-Z_][A-Z0-9_$]*$/.test(part) ? part : quote(part))).join('.')
}
