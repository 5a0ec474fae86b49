defmodule Extism.BuildTest do
  # `mix do deps.get, compile` as the founding post types it, in a project that depends on this package.
  use ExUnit.Case

  import Extism.Fixture

  # Where a project of somebody's is, and what stands for cargo in it.
  setup do
    folder = Path.join(System.tmp_dir!(), "extism_build_#{System.pid()}")
    on_exit(fn -> File.rm_rf!(folder) end)
    File.mkdir_p!(Path.join(folder, "bin"))
    File.mkdir_p!(Path.join(folder, "lib"))

    File.write!(Path.join(folder, "mix.exs"), """
    defmodule Box.MixProject do
      use Mix.Project

      def project do
        [app: :box, version: "1.0.0", deps: [{:extism, path: "#{folder}/packages/sdk/elixir"}]]
      end
    end
    """)

    # The package, without what it was built to, in a copy of the project's layout.
    for name <- ["sdk/elixir/lib", "sdk/erlang/src"] do
      File.mkdir_p!(Path.dirname("#{folder}/packages/#{name}"))
      File.cp_r!(Path.join(root(), name), "#{folder}/packages/#{name}")
    end

    File.cp!(Path.join(root(), "sdk/elixir/mix.exs"), "#{folder}/packages/sdk/elixir/mix.exs")
    File.mkdir_p!("#{folder}/packages/crates/extism-nif")
    File.touch!("#{folder}/packages/crates/extism-nif/Cargo.toml")
    %{folder: folder, library: Path.expand(:code.priv_dir(:extism)) |> Path.join("libextism_nif.so")}
  end

  test "the native library is built by cargo, whose progress is shown, and once", %{folder: folder} = given do
    cargo(folder, """
    echo "   Compiling extism-nif v1.42.0: $*"
    mkdir -p target/release && cp #{given.library} target/release/libextism_nif.so
    """)

    {shown, 0} = mix(folder, ["do", "deps.get,", "compile"])
    assert shown =~ "Building the native library of Extism"
    assert shown =~ "Compiling extism-nif v1.42.0: build --release --package extism-nif"
    {shown, 0} = mix(folder, ["run", "-e", "IO.puts(Extism.version())"])
    assert shown =~ "1.42.0"
    refute shown =~ "Compiling extism-nif"
  end

  test "a build that fails says so, and compiling stops", %{folder: folder} do
    cargo(folder, "echo 'error: no linker'; exit 101")
    {shown, code} = mix(folder, ["do", "deps.get,", "compile"])
    assert code != 0
    assert shown =~ "error: no linker"
    assert shown =~ "cargo ended with 101"
  end

  test "a library that is given is taken; one that is not there is named", %{folder: folder} = given do
    cargo(folder, "echo 'nobody asked for cargo'; exit 1")
    {shown, code} = mix(folder, ["do", "deps.get,", "compile"], [{"EXTISM_NIF", "/no/such/library.so"}])
    assert code != 0 and shown =~ "there is no /no/such/library.so"
    {shown, 0} = mix(folder, ["do", "deps.get,", "compile"], [{"EXTISM_NIF", given.library}])
    refute shown =~ "nobody asked for cargo"
    assert {"1.42.0\n", 0} = mix(folder, ["run", "--no-compile", "-e", "IO.puts(Extism.version())"])
  end

  defp cargo(folder, script) do
    file = Path.join(folder, "bin/cargo")
    File.write!(file, "#!/bin/sh\n" <> script)
    File.chmod!(file, 0o755)
  end

  defp mix(folder, arguments, variables \\ [{"EXTISM_NIF", ""}]) do
    path = Path.join(folder, "bin") <> ":" <> System.get_env("PATH")
    variables = [{"PATH", path}, {"MIX_ENV", "dev"}, {"CARGO_TARGET_DIR", nil} | variables]
    System.cmd("mix", arguments, cd: folder, env: variables, stderr_to_stdout: true)
  end
end
