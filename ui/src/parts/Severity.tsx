// A band of severity: its name and a five-step meter, never colour alone.

export function Severity({ step, name, large = false }: { step: number; name: string; large?: boolean }) {
  return (
    <span className={large ? "sev lg" : "sev"} data-n={step}>
      {name}
    </span>
  );
}
