defmodule Extism.MixProject do
  use Mix.Project

  @version "1.42.0"

  def project do
    [
      app: :extism,
      version: @version,
      elixir: "~> 1.14",
      description: "Extism: load, limit and call WebAssembly plug-ins",
      # The Erlang package is the ground this one stands on; a released package has a copy of it in `src`.
      erlc_paths: [erlang_sources()],
      elixirc_paths: if(Mix.env() == :test, do: ["lib", "test/support"], else: ["lib"]),
      compilers: [:extism_library] ++ Mix.compilers(),
      start_permanent: Mix.env() == :prod,
      deps: [],
      aliases: ["extism.package": &package/1, "extism.types": &types/1],
      package: [
        licenses: ["BSD-3-Clause"],
        links: %{"GitHub" => "https://github.com/extism/extism"},
        files: ["lib", "src", "mix.exs", "README.md"]
      ]
    ]
  end

  def application do
    [extra_applications: [:logger], mod: {:extism_app, []}, registered: [:extism_sup, :extism_vars]]
  end

  defp erlang_sources do
    if File.dir?(Path.join(__DIR__, "src")), do: "src", else: "../erlang/src"
  end

  # Dialyzer, which knows of Elixir and OTP what it has once learnt: minutes the first time, seconds later.
  defp types(_arguments) do
    Mix.Task.run("compile")
    elixir = to_string(:code.lib_dir(:elixir, :ebin))
    plt = Path.join(Mix.Project.build_path(), "otp-#{System.otp_release()}-#{System.version()}.plt")
    known = ["--apps", "erts", "kernel", "stdlib", "-r", elixir, to_string(:code.lib_dir(:logger, :ebin))]
    # Unknown functions are reported by 2: what is learnt names libraries that are not learnt.
    if not File.exists?(plt), do: dialyzer(["--build_plt", "--output_plt", plt | known], elixir, [0, 2])
    warnings = ~w(-Wunmatched_returns -Werror_handling)
    dialyzer(["--plt", plt, "--no_check_plt"] ++ warnings ++ ["-r", Mix.Project.compile_path()], elixir, [0])
  end

  # What Elixir compiles is read by a module of Elixir's.
  defp dialyzer(arguments, elixir, codes) do
    options = [into: IO.stream(:stdio, :line), stderr_to_stdout: true]
    {_, code} = System.cmd("dialyzer", ["-pa", elixir | arguments], options)
    if code not in codes, do: Mix.raise("dialyzer ended with #{code}")
  end

  # Copies the Erlang sources to where a package has them.
  defp package(_arguments) do
    File.mkdir_p!("src")

    for file <- Path.wildcard("../erlang/src/*.erl"),
        do: File.cp!(file, Path.join("src", Path.basename(file)))

    Mix.shell().info("src has the sources of the Erlang package")
  end
end

defmodule Mix.Tasks.Compile.ExtismLibrary do
  @moduledoc """
  Puts the native library into `priv`: the file that the variable `EXTISM_NIF` names, or the one that is
  there, or one built from the sources of the project with `cargo`.
  """
  use Mix.Task.Compiler

  @library "libextism_nif.so"
  @root Path.expand("../..", __DIR__)

  @impl true
  def run(_arguments) do
    target = Path.join([File.cwd!(), "priv", @library])
    given = System.get_env("EXTISM_NIF")

    cond do
      given in [nil, ""] and File.exists?(target) ->
        {:noop, []}

      given not in [nil, ""] ->
        put(given, target)

      File.exists?(Path.join(@root, "crates/extism-nif/Cargo.toml")) ->
        build(target)

      true ->
        fail("there is no #{target}; set EXTISM_NIF to the path of the library")
    end
  end

  @impl true
  def clean do
    File.rm(Path.join([File.cwd!(), "priv", @library]))
    :ok
  end

  defp build(target) do
    Mix.shell().info("Building the native library of Extism; the first time takes a few minutes")
    arguments = ["build", "--release", "--package", "extism-nif"]

    case System.cmd("cargo", arguments, cd: @root, into: IO.stream(:stdio, :line), stderr_to_stdout: true) do
      {_, 0} -> put(Path.join([target_folder(), "release", built_name()]), target)
      {_, code} -> fail("cargo ended with #{code}")
    end
  rescue
    ErlangError -> fail("there is no cargo: install Rust, or set EXTISM_NIF to the path of the library")
  end

  defp target_folder do
    case System.get_env("CARGO_TARGET_DIR") do
      none when none in [nil, ""] -> Path.join(@root, "target")
      folder -> Path.expand(folder, @root)
    end
  end

  defp built_name do
    if :os.type() == {:unix, :darwin}, do: "libextism_nif.dylib", else: @library
  end

  # A link costs nothing; where there are none, or the file may go away, it is copied.
  defp put(source, target) do
    source = Path.expand(source)

    if not File.exists?(source) do
      fail("there is no #{source}")
    else
      File.mkdir_p!(Path.dirname(target))
      File.rm(target)
      if Mix.env() == :prod or File.ln_s(source, target) != :ok, do: File.cp!(source, target)
      Mix.Project.build_structure()
      {:ok, []}
    end
  end

  defp fail(message) do
    Mix.shell().error("extism: " <> message)

    diagnostic = %Mix.Task.Compiler.Diagnostic{
      compiler_name: "extism_library",
      file: __ENV__.file,
      message: message,
      position: 0,
      severity: :error
    }

    {:error, [diagnostic]}
  end
end
